import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { KongTask, defineTask, handle, run } from 'kongtask'

export interface FairnessOptions {
  readonly connectionString: string
  /** Jobs of tenant A that are in B's way. */
  readonly backlog: number
  /** Jobs of tenant B that are measured, before and behind the backlog each. */
  readonly samples: number
  readonly way: 'bulk' | 'singly'
}

/** Milliseconds from adding a job of B's to its start, a number each. */
export interface Fairness {
  readonly undisturbed: readonly number[]
  readonly disturbed: readonly number[]
}

interface Work {
  readonly tenant: string
  readonly n: number
}

const CONCURRENCY = 20
const LIMIT = 5
/** What a handler of A's takes. */
const HANDLER = 5
const WARM_UP = 10
const AT_ONCE = 1_000

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }
const task = defineTask<'tenant', Work>('tenant')
const limitOf = (tenant: string): { concurrency: { limit: number; key: string } } => ({
  concurrency: { limit: LIMIT, key: tenant },
})

/** How long B's jobs wait for their start, with nothing else to do and behind A's backlog, on the same worker. */
export async function measureFairness(options: FairnessOptions): Promise<Fairness> {
  const { connectionString } = options
  const pool = new pg.Pool({ connectionString, max: 1 })
  const kong = new KongTask({ connectionString })
  try {
    await pool.query('drop schema if exists kongtask cascade')
    await kong.migrate()
    const starts = new Map<number, (at: number) => void>()
    const runner = await run({
      connectionString,
      concurrency: CONCURRENCY,
      logger: silent,
      migrate: false,
      tasks: [
        handle(task, async ({ tenant, n }) => {
          if (tenant === 'b') starts.get(n)?.(performance.now())
          else await delay(HANDLER)
        }),
      ],
    })
    try {
      return await compare(options, kong, pool, starts)
    } finally {
      await runner.stop()
    }
  } finally {
    await kong.close()
    await pool.end()
  }
}

async function compare(
  options: FairnessOptions,
  kong: KongTask,
  pool: pg.Pool,
  starts: Map<number, (at: number) => void>,
): Promise<Fairness> {
  const { samples, backlog } = options
  let next = 0
  const sample = async (): Promise<number> => {
    const n = next++
    const started = new Promise<number>((resolve) => starts.set(n, resolve))
    const begun = performance.now()
    await kong.addJob(task, { tenant: 'b', n }, limitOf('b'))
    const waited = (await started) - begun
    starts.delete(n)
    await delay(20 + (n % 10) * 5)
    return waited
  }
  const measure = async (count: number): Promise<number[]> => {
    const waits: number[] = []
    for (let n = 0; n < count; n++) waits.push(await sample())
    return waits
  }

  await measure(WARM_UP)
  const undisturbed = await measure(samples)
  await addBacklog(kong, options)
  const disturbed = await measure(samples)
  const { rows } = await pool.query<{ left: number }>('select count(*)::int as left from kongtask.jobs')
  const left = rows[0]?.left ?? 0
  if (left < backlog / 2)
    throw new Error(`Only ${left} of ${backlog} jobs were in the way: the measurement is void.`)
  return { undisturbed, disturbed }
}

async function addBacklog(kong: KongTask, { way, backlog }: FairnessOptions): Promise<void> {
  const payloads = Array.from({ length: backlog }, (_, n) => ({ tenant: 'a', n }))
  if (way === 'bulk') {
    await kong.addJobs(payloads.map((payload) => ({ task, payload, ...limitOf('a') })))
    return
  }
  for (let from = 0; from < backlog; from += AT_ONCE) {
    await Promise.all(
      payloads.slice(from, from + AT_ONCE).map((payload) => kong.addJob(task, payload, limitOf('a'))),
    )
  }
}
