import { KongTaskError } from '../core/errors.ts'
import type { Health } from '../core/health.ts'
import { explainError } from '../store/explain-error.ts'
import type { Store } from '../store/store.ts'

const NOBODY: Pick<Health, 'latency' | 'clockOffset' | 'workers' | 'queues'> = {
  latency: undefined,
  clockOffset: undefined,
  workers: 0,
  queues: [],
}

/** Looks how the system is. What is wrong is told, not thrown; only a closed client rejects. */
export async function readHealth(
  store: Pick<Store, 'readClock' | 'checkSchema' | 'listQueues'>,
): Promise<Health> {
  try {
    const askedAt = performance.now()
    const { at, workers } = await store.readClock()
    const latency = performance.now() - askedAt
    const clockOffset = Math.round(at.getTime() - (Date.now() - latency / 2))
    await store.checkSchema()
    // Nothing is counted: the oldest job of each queue is one look.
    const queues = (await store.listQueues(0)).map(({ name, pausedAt, oldestReadyAge }) => ({
      name,
      pausedAt,
      oldestReadyAge,
    }))
    return {
      ok: true,
      isReachable: true,
      isMigrated: true,
      problem: undefined,
      latency,
      clockOffset,
      workers,
      queues,
    }
  } catch (error) {
    return unwell(explainError(error))
  }
}

function unwell(error: unknown): Health {
  const code = error instanceof KongTaskError ? error.code : undefined
  if (code === 'KT_CLOSED') throw error
  // The database has spoken where it is the schema that is wrong.
  const isReachable = code?.startsWith('KT_SCHEMA_') === true || code === 'KT_NOT_MIGRATED'
  const problem = error instanceof Error ? error.message : String(error)
  return { ok: false, isReachable, isMigrated: false, problem, ...NOBODY }
}
