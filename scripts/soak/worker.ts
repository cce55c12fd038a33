// A worker of a soak, in a process of its own (workforce.ts). `vitals` on its channel makes it say how it is, `stop` makes it
// stop in good order.
import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { RetryableError, run, type JobContext } from 'kongtask'
import pg from 'pg'
import { EffectWriter } from './effect-writer.ts'
import { CONCURRENCY, kindOf, SCHEMA } from './plan.ts'
import type { Vitals, WorkerSays } from './vitals.ts'

// Not an argument: everybody may read those.
const connectionString = process.env['SOAK_DATABASE_URL'] ?? ''
const pool = new pg.Pool({ connectionString, max: 5, application_name: 'soak handlers' })
const effects = new EffectWriter(pool)

const runner = await run({
  pool,
  concurrency: CONCURRENCY,
  migrate: false,
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  tasks: { soak: work },
})

process.on('message', (order) => {
  if (order === 'vitals') say({ what: 'vitals', vitals: vitals() })
  else void stop()
})
let isStopping = false
process.on('disconnect', () => {
  if (!isStopping) process.exit(1)
})
process.on('SIGINT', quiet)
say({ what: 'working' })

async function work(payload: unknown, { job, withTransaction, complete }: JobContext): Promise<void> {
  const n = numberOf(payload)
  switch (kindOf(n)) {
    case 'failing':
      if (job.attempt === 1) throw new RetryableError('Fails once, as planned.', { retryIn: 200 })
      await effects.write(n)
      return
    case 'exact':
      await withTransaction(async (tx) => {
        await tx.query(`insert into ${SCHEMA}.effects values ($1)`, [n])
        await complete(tx)
      })
      return
    case 'plain':
      await effects.write(n)
      // A kill in between repeats the effect.
      if (n % 4 === 0) await delay(20)
  }
}

function numberOf(payload: unknown): number {
  if (typeof payload === 'object' && payload !== null && 'n' in payload && typeof payload.n === 'number')
    return payload.n
  throw new TypeError('no payload of a soak')
}

function vitals(): Vitals {
  globalThis.gc?.()
  const { heapUsed: heap, rss } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  return { heap, rss, resources, listeners: listenersOf(process) + listenersOf(pool) }
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

async function stop(): Promise<void> {
  isStopping = true
  await runner.stop()
  await pool.end()
  // From here on nothing but a leak keeps this process.
  process.disconnect()
}

function say(said: WorkerSays): void {
  process.send?.(said)
}

function quiet(): void {}
