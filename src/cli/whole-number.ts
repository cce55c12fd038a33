import { KongTaskError } from '../core/errors.ts'
import { showValue } from '../core/show-value.ts'
import { wholeNumber as wholeNumberOf } from '../project/setting-text.ts'

/**
 * A whole number of the command line; undefined where none is given.
 *
 * @throws KT_OPTION_INVALID
 */
export function wholeNumber(value: unknown, option = 'limit'): number | undefined {
  if (value === undefined) return undefined
  const read = typeof value === 'string' ? wholeNumberOf(value) : value
  if (Number.isSafeInteger(read)) return Number(read)
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`${option}\` must be a whole number, not ${showValue(value)}.`,
  )
}
