import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'

/** SQLSTATE of insufficient_privilege. */
const DENIED = '42501'

/**
 * A chore that this process's role may not be allowed to do. It is told so once; from then on the chore is left to the
 * processes that may, and not even its turn is taken.
 */
export function whileAllowed(
  doing: string,
  events: Emitter<Events>,
  chore: (signal: AbortSignal) => Promise<unknown>,
): (signal: AbortSignal) => Promise<unknown> {
  let isDenied = false
  return async (signal) => {
    if (isDenied) return undefined
    try {
      return await chore(signal)
    } catch (error) {
      if (!isDenial(error)) throw error
      isDenied = true
      events.emit('worker.not_allowed', { doing, error })
      return undefined
    }
  }
}

function isDenial(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === DENIED
}
