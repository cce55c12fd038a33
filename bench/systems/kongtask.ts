import pg from 'pg'
import { KongTask, run, type RunnerOptions } from 'kongtask'
import { RunCheck, numberOf } from '../loads/run-check.ts'

export interface DrainOptions {
  readonly connectionString: string
  readonly jobs: number
  /** false: forgotten when finished, as the raw loop does. */
  readonly retain: string | false
  readonly runner: Partial<Pick<RunnerOptions, 'concurrency'>>
}

const FILL = `
  with fill as (
    select jsonb_agg(jsonb_build_object('n', n)) as payloads
      from generate_series(0, $1::int4 - 1) n group by n / 5000)
  select count(*)
    from fill,
         kongtask.insert_jobs(
           jsonb_build_array(jsonb_build_object('task', 'noop', 'options', jsonb_build_object('retain', $2::float8))),
           null, fill.payloads)`

/** A preloaded queue of jobs that do nothing, worked until it is empty. Answers jobs per second. */
export async function drainKongTask({
  connectionString,
  jobs,
  retain,
  runner,
}: DrainOptions): Promise<number> {
  const pool = new pg.Pool({ connectionString, max: 2 })
  const kong = new KongTask({ connectionString })
  try {
    await pool.query('drop schema if exists kongtask cascade')
    await kong.migrate()
    const retained = retain === false ? 0 : 86_400_000
    await pool.query(FILL, [2_000, retained])
    await drain(pool, connectionString, new RunCheck(2_000), runner)
    await pool.query(FILL, [jobs, retained])
    await pool.query('vacuum (analyze) kongtask.jobs')
    const check = new RunCheck(jobs)
    const seconds = await drain(pool, connectionString, check, runner)
    check.verify()
    return jobs / seconds
  } finally {
    await kong.close()
    await pool.end()
  }
}

async function drain(
  pool: pg.Pool,
  connectionString: string,
  check: RunCheck,
  options: DrainOptions['runner'],
): Promise<number> {
  const started = performance.now()
  const runner = await run({
    ...options,
    connectionString,
    migrate: false,
    logger: silent,
    tasks: { noop: (payload) => check.ran(numberOf(payload)) },
  })
  for (;;) {
    const { rows } = await pool.query<{ left: boolean }>('select exists (select from kongtask.jobs) as left')
    if (rows[0]?.left === false) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const seconds = (performance.now() - started) / 1_000
  await runner.stop()
  return seconds
}

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }
