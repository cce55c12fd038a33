import { KongTaskError } from './errors.ts'
import { checkInteger, invalid } from './option-values.ts'

/**
 * Brings the payload of a job that was added under an older version to the task's own. `payload` is what was stored
 * (what JSON.parse returns; of a raw task its text), `from` the version that it was added under, 1 or later. It is called
 * once, with the job's own version: what lies between is its business.
 */
export type Upcast<In = unknown> = (payload: unknown, from: number) => In | Promise<In>

/** The version of the payloads of a task that says nothing of versions. */
export const FIRST_VERSION = 1

const LARGEST = 2_147_483_647

/** A whole number from 1. @throws KT_OPTION_INVALID */
export function checkVersion(value: unknown): number {
  return checkInteger(value, 'version', FIRST_VERSION, LARGEST)
}

/** @throws KT_OPTION_INVALID */
export function checkUpcast(value: unknown, version: number): Upcast | undefined {
  if (value === undefined) return undefined
  if (!isUpcast(value)) throw invalid('upcast', value, 'must be a function of the payload and its version')
  if (version > FIRST_VERSION) return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    '`upcast` is for payloads of older versions, and there are none before version 1. Give `version: 2` beside it.',
  )
}

function isUpcast(value: unknown): value is Upcast {
  return typeof value === 'function'
}
