import { KongTaskError } from '../core/errors.ts'
import { startTimer } from '../runtime/timer.ts'

type Flags = readonly string[]

/** Flags, or who knows them at the moment; asked before each claim. */
export type ForbiddenFlags = Flags | (() => Flags | Promise<Flags>)

/** Milliseconds that it may take to name them. */
const LONGEST_ANSWER = 10_000

/**
 * Asks which flags are forbidden now. Undefined where the signal aborts first.
 *
 * @throws KT_FLAGS_UNANSWERED where there is no answer in time, and what the function throws
 */
export function askForFlags(
  ask: () => Flags | Promise<Flags>,
  signal: AbortSignal,
): Promise<Flags | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.stop()
      signal.removeEventListener('abort', end)
      resolve(undefined)
    }
    const timer = startTimer(LONGEST_ANSWER, () => {
      reject(unanswered())
      end()
    })
    signal.addEventListener('abort', end)
    const answered = async (): Promise<void> => resolve(await ask())
    answered().catch(reject).finally(end)
  })
}

function unanswered(): KongTaskError {
  return new KongTaskError(
    'KT_FLAGS_UNANSWERED',
    `\`forbiddenFlags\` did not answer within ${LONGEST_ANSWER / 1_000} s, so this process claims no jobs. Answer from memory, and keep that up to date elsewhere.`,
  )
}
