// A worker of a run, in a process of its own, started by worker.ts: waits for its orders, works until it is told to stop, and
// ends when whoever started it does.
import pg from 'pg'
import { run, type Runner } from '../runner/runner.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { POOL, SLOTS } from './load.ts'
import { tasksOf } from './tasks.ts'
import { isWeather } from './weather.ts'
import { isWorkerOrder, type WorkerOrders, type WorkerReport } from './worker-message.ts'

const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet }
/** Milliseconds that a statement of a handler may take: a connection that fell silent says nothing by itself. */
const LONGEST_QUERY = 2_000

let runner: Promise<Runner> | undefined

process.on('message', (message) => {
  if (!isWorkerOrder(message)) return
  if (message.what === 'begin') runner ??= begin(message.orders)
  else void stop()
})
process.on('disconnect', () => process.exit())
// Ctrl-C in the terminal reaches all processes in it; ours are ended by the one that began them.
process.on('SIGINT', quiet)

async function begin(orders: WorkerOrders): Promise<Runner> {
  const { connectionString, names, lease } = orders
  const pool = new pg.Pool({
    connectionString,
    max: POOL,
    application_name: 'kongtask torture handlers',
    query_timeout: LONGEST_QUERY,
    connectionTimeoutMillis: LONGEST_QUERY,
  })
  // As any application has to: idle connections that break say so here.
  pool.on('error', quiet)
  const started = await untilItRuns(() =>
    run({
      pool,
      schema: names.kong,
      tasks: tasksOf(orders),
      queues: SLOTS,
      leaseDuration: lease,
      gracePeriod: lease,
      logger: silent,
      storeLogs: 'off',
      migrate: false,
    }),
  )
  started.on('worker.weather', ({ doing, error }) =>
    say({ what: 'weather', doing, error: error instanceof Error ? error.message : String(error) }),
  )
  say({ what: 'working' })
  return started
}

/** The database may be away at this very moment, or the machine so busy that a short lease is over before it answers. */
async function untilItRuns(start: () => Promise<Runner>): Promise<Runner> {
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (!isWeather(error)) throw error
      say({ what: 'weather', doing: 'start', error: String(error) })
      await delay(100)
    }
  }
}

async function stop(): Promise<void> {
  await (await runner)?.stop()
  say({ what: 'stopped' })
  process.exit()
}

function say(report: WorkerReport): void {
  if (process.connected) process.send?.(report)
}

function quiet(): void {}
