// What the jobs of a run are, and how many run at once. They take time rather than the processor, so that the rate says how
// many slots are at work, and comes back to where it was when all of them are.
import type { Json } from '../core/json.ts'

/** The one task that old code knows, that of new code, and one that holds connections. */
export const EFFECT = 'torture_effect'
export const LATER_EFFECT = 'torture_later_effect'
export const HOLD_CONNECTION = 'torture_hold_connection'

export const WIDE = 'torture'
export const LIMITED = 'torture_limited'
/** Of the limited queue, over all processes. */
export const LIMIT = 3
/** Slots of a process, by queue. Together those of the limited queue are more than its limit. */
export const SLOTS = { [WIDE]: 8, [LIMITED]: 2 } as const
/** Connections for the handlers of a process. */
export const POOL = 5

/** Of the first two tasks. */
export interface EffectPayload {
  /** Completes in the transaction of its effect. */
  readonly isExact: boolean
  /** Milliseconds of work. */
  readonly ms: number
  /** Milliseconds between the completion and the commit. */
  readonly linger: number
}

export interface HoldPayload {
  /** Milliseconds. */
  readonly ms: number
}

export function isEffectPayload(payload: unknown): payload is EffectPayload {
  return (
    isRecord(payload) &&
    typeof payload['isExact'] === 'boolean' &&
    typeof payload['ms'] === 'number' &&
    typeof payload['linger'] === 'number'
  )
}

export function isHoldPayload(payload: unknown): payload is HoldPayload {
  return isRecord(payload) && typeof payload['ms'] === 'number'
}

function isRecord(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null
}
