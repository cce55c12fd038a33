import pg from 'pg'
import { KongTask, run } from 'kongtask'
import type { LatencySystem, Starts } from '../loads/latency.ts'
import { numberOf } from '../loads/run-check.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

/** A client and a runner, each with connections of its own. */
export async function kongTaskLatency(connectionString: string, starts: Starts): Promise<LatencySystem> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  await pool.query('drop schema if exists kongtask cascade')
  await pool.end()
  const kong = new KongTask({ connectionString })
  const runner = await run({
    connectionString,
    logger: silent,
    tasks: { noop: (payload) => starts.started(numberOf(payload)) },
  })
  return {
    add: (n) => kong.addJob('noop', { n }),
    close: async () => {
      await runner.stop()
      await kong.close()
    },
  }
}
