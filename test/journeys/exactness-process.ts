// Run as a process of its own by exactness-workers.ts: a runner whose task writes down when it starts and ends, and does
// what the plan says. Tells on its output when it works, and of what went wrong.
import pg from 'pg'
import {
  KongTaskError,
  PermanentError,
  RetryableError,
  cancel,
  run,
  snooze,
  type JobContext,
  type Runner,
  type RunnerOptions,
} from 'kongtask'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { CONCURRENCY, HEARTBEAT, LEASE, TASK, type Work } from './exactness-plan.ts'
import type { ProcessReport } from './exactness-workers.ts'
import { silent } from './journey-logger.ts'

const STARTED = `
  insert into exactness.events (what, job) values ('started', $1)
  returning (select count(*)::int from exactness.events where job = $1 and what = 'started') as before`
const ENDED = `insert into exactness.events (what, job) values ('ended', $1)`

const say = (report: ProcessReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`)

// Few, for the server has not many for so many processes.
const pool = new pg.Pool({ connectionString: process.argv[2] ?? '', max: 3 })

async function work({ steps, ms }: Work, { job, complete, withTransaction }: JobContext): Promise<unknown> {
  const { rows } = await pool.query<{ before: number }>(STARTED, [job.id])
  await delay(ms)
  const step = steps[Math.min(rows[0]?.before ?? 0, steps.length - 1)]
  if (step === 'effect') {
    await withTransaction(async (tx) => {
      await tx.query('insert into exactness.effects (job) values ($1)', [job.id])
      await complete(tx)
    })
    return undefined
  }
  await pool.query(ENDED, [job.id])
  if (step === 'retry') throw new RetryableError('once more', { retryIn: 0 })
  if (step === 'permanent') throw new PermanentError('never again')
  if (step === 'snooze') return snooze(20)
  return step === 'cancel' ? cancel('no point') : undefined
}

// It begins when it is told to, so that a dead one can be replaced at once, and ends with whoever might tell it.
const told = once(process.stdin, 'data')
process.stdin.once('end', () => process.exit())
await told

const runner = await runAtLast({
  pool,
  tasks: [{ name: TASK, handle: (payload: Work, context) => tryAgainAtOnce(() => work(payload, context)) }],
  concurrency: CONCURRENCY,
  leaseDuration: LEASE,
  heartbeatInterval: HEARTBEAT,
  pollInterval: 500,
  logger: silent,
  migrate: false,
})
runner.on('worker.weather', ({ doing, error }) =>
  say({ what: 'weather', doing, error: error instanceof Error ? error.message : String(error) }),
)
say({ what: 'working' })

/** Where the machine is so busy that not even the first calls are answered within a third of such a short lease. */
async function runAtLast(options: RunnerOptions): Promise<Runner> {
  for (;;) {
    try {
      return await run(options)
    } catch (error) {
      if (!(error instanceof KongTaskError && error.code === 'KT_DEADLINE')) throw error
      say({ what: 'weather', doing: 'start', error: error.message })
    }
  }
}

/** What the weather does to a handler must not make its job wait for minutes, as the usual backoff would. */
async function tryAgainAtOnce(perform: () => Promise<unknown>): Promise<unknown> {
  try {
    return await perform()
  } catch (error) {
    if (error instanceof PermanentError || error instanceof RetryableError) throw error
    throw new RetryableError('weather', { retryIn: 0, cause: error })
  }
}
