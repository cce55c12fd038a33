import { KongTaskError } from '../core/errors.ts'
import { showValue } from '../core/show-value.ts'

/**
 * A whole number of the command line; undefined where none is given. Not everything that Number reads: '' and ' ' would be 0.
 *
 * @throws KT_OPTION_INVALID
 */
export function wholeNumber(value: unknown, option = 'limit'): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`${option}\` must be a whole number, not ${showValue(value)}.`,
  )
}
