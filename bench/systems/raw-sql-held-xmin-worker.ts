import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { BACKOFF, type HeldLog } from '../processes/held-load.ts'
import { workHeld } from '../processes/held-worker.ts'
import { RAW_CLAIM, RAW_COMPLETE } from './raw-sql-queue.ts'

const BATCH = 500
/** Until it looks again where nothing was ready. */
const REST = 5

const RETRY = `
  update raw_queue set worker = 0, run_at = clock_timestamp() + interval '${BACKOFF} ms'
   where queue_id = 1 and id = any ($1::int8[]) and worker = $2`

interface RawJob {
  readonly id: string
  readonly attempt: number
  readonly payload: unknown
}

/** One connection that claims a batch, "runs" it and writes what became of it. */
await workHeld(async (connectionString, log) => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const stopping = new AbortController()
  const working = work(client, log, stopping.signal)
  return async () => {
    stopping.abort()
    await working
    await client.end()
  }
})

async function work(client: pg.Client, log: HeldLog, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const { rows } = await client.query<RawJob>({
      name: 'claim',
      text: RAW_CLAIM,
      values: [process.pid, BATCH],
    })
    if (rows.length === 0) await delay(REST)
    else await finish(client, log, rows)
  }
}

async function finish(client: pg.Client, log: HeldLog, jobs: readonly RawJob[]): Promise<void> {
  const failed = jobs.filter((job) => !succeeds(log, job))
  const done = jobs.filter((job) => !failed.includes(job))
  const ids = (of: readonly RawJob[]): unknown[] => [of.map(({ id }) => id), process.pid]
  await client.query({ name: 'complete', text: RAW_COMPLETE, values: ids(done) })
  log.completed(done.length)
  if (failed.length > 0) await client.query({ name: 'retry', text: RETRY, values: ids(failed) })
}

function succeeds(log: HeldLog, { payload, attempt }: RawJob): boolean {
  try {
    log.run(payload, attempt)
    return true
  } catch {
    return false
  }
}
