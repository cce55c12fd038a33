import { KongTaskError } from '../core/errors.ts'
import { startTimer } from '../runtime/timer.ts'

/**
 * What `work` comes to, if it does within `ms` milliseconds. The work itself goes on: the database may still
 * have done it.
 *
 * @throws KT_DEADLINE
 */
export function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(ms, () => reject(expired(ms)))
    // Not a race of promises: adding one job passes here, and each turn that it does not wait for counts.
    work.then(
      (result) => {
        timer.stop()
        resolve(result)
      },
      (error: unknown) => {
        timer.stop()
        reject(error)
      },
    )
  })
}

function expired(ms: number): KongTaskError {
  return new KongTaskError(
    'KT_DEADLINE',
    `The database did not answer within ${ms} ms, and may still do what it was asked. It may be overloaded, locked or unreachable; look there, or raise \`deadline\`.`,
  )
}
