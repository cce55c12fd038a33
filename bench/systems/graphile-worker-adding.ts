import pg from 'pg'
import type { Adder } from '../loads/adding.ts'

/** As much of graphile-worker as is used here; its own types are there only once it is installed. */
interface WorkerUtils {
  readonly addJob: (task: string, payload: unknown) => Promise<unknown>
  readonly addJobs: (
    specs: readonly { readonly identifier: string; readonly payload: unknown }[],
  ) => Promise<unknown>
  readonly migrate: () => Promise<void>
  readonly release: () => Promise<unknown>
}
type MakeWorkerUtils = (options: {
  readonly connectionString: string
  readonly maxPoolSize?: number
}) => Promise<WorkerUtils>

/** @param maxPoolSize connections; undefined for its default, 10 */
export async function graphileWorkerAdder(connectionString: string, maxPoolSize?: number): Promise<Adder> {
  const makeWorkerUtils = await load()
  const utils = await makeWorkerUtils({
    connectionString,
    ...(maxPoolSize === undefined ? {} : { maxPoolSize }),
  })
  await utils.migrate()
  const pool = new pg.Pool({ connectionString, max: 1 })
  return {
    empty: async () => {
      await pool.query('truncate graphile_worker._private_jobs')
      await pool.query('checkpoint')
    },
    addOne: (payload) => utils.addJob('bench', payload),
    addMany: (payloads) => utils.addJobs(payloads.map((payload) => ({ identifier: 'bench', payload }))),
    count: async () => {
      const { rows } = await pool.query<{ count: number }>(
        'select count(*)::int4 from graphile_worker._private_jobs',
      )
      return rows[0]?.count ?? -1
    },
    close: async () => {
      await utils.release()
      await pool.end()
    },
  }
}

async function load(): Promise<MakeWorkerUtils> {
  // Not a literal: the compiler must not look for what is installed only when it is measured.
  const name = 'graphile-worker'
  const loaded: unknown = await import(name)
  if (hasMaker(loaded)) return loaded.makeWorkerUtils
  throw new TypeError('graphile-worker exports no makeWorkerUtils')
}

function hasMaker(loaded: unknown): loaded is { readonly makeWorkerUtils: MakeWorkerUtils } {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'makeWorkerUtils' in loaded &&
    typeof loaded.makeWorkerUtils === 'function'
  )
}
