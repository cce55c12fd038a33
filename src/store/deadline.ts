import { KongTaskError } from '../core/errors.ts'

/**
 * What `work` comes to, if it does within `ms` milliseconds. The work itself goes on: the database may still
 * have done it.
 *
 * @throws KT_DEADLINE
 */
export async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(expired(ms)), ms)
  })
  // Whichever loses the race may fail later, when nobody listens.
  work.catch(() => undefined)
  try {
    return await Promise.race([work, expiry])
  } finally {
    clearTimeout(timer)
  }
}

function expired(ms: number): KongTaskError {
  return new KongTaskError(
    'KT_DEADLINE',
    `The database did not answer within ${ms} ms. It may be overloaded, locked or unreachable; look there, or raise \`deadline\`.`,
  )
}
