import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net'
import { defineTask, fixed, handle, run } from 'kongtask'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

// The handlers' own connections, told apart from those of the test.
const HANDLERS = 'kongtask handlers'
let opened: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.toReversed()) await close()
  opened = []
})

function handlersPool(connectionString = app.database.connectionString): pg.Pool {
  const pool = new pg.Pool({ connectionString, application_name: HANDLERS, max: 5 })
  // What an application has to do anyway: idle connections that break say so here.
  pool.on('error', () => undefined)
  opened.push(() => pool.end())
  return pool
}

/** Ends every connection of the runner and its handlers. */
async function killAll(): Promise<number> {
  const rows = await app.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'kongtask%' and application_name <> 'kongtask test'`,
  )
  return rows.length
}

/** By the database: of what was written while its answer was lost, the runner does not know. */
async function expectAllCompleted(count: number): Promise<void> {
  await eventually(async () => expect(await app.states()).toEqual({ completed: count }), { within: 40_000 })
}

/**
 * A call may take a third of the lease. On a loaded machine a second is not enough for that; a heartbeat, which gives back
 * what a claim took whose answer was lost, need not wait so long.
 */
const PATIENT = { leaseDuration: '5s', heartbeatInterval: '1s' } as const

describe('the end of all connections of a runner at once', () => {
  it('is ridden out, and every job is completed', async () => {
    const pool = handlersPool()
    const task = defineTask('work', { backoff: fixed(10), maxAttempts: 100 })
    let started = 0
    const waves = [deferred(), deferred(), deferred()]
    await app.run(
      [
        handle(task, async (_, { pool: own, withTransaction }) => {
          started += 1
          waves[Math.floor(started / 100) - 1]?.resolve()
          await own.query('select 1')
          await withTransaction(async (tx) => void (await tx.query('select 2')))
        }),
      ],
      { pool, ...PATIENT },
    )
    await app.kong.addJobs(Array.from({ length: 400 }, () => ({ task: 'work' })))
    for (const wave of waves) {
      await wave.promise
      expect(await killAll()).toBeGreaterThan(0)
    }
    await expectAllCompleted(400)
  })

  it('harms nobody when handlers hold connections at that moment', async () => {
    const [inside, gate] = [deferred(), deferred()]
    const task = defineTask('work', { backoff: fixed(10) })
    let attempts = 0
    const runner = await app.run(
      [
        handle(task, async (_, { withTransaction, pool, job }) => {
          attempts = job.attempt
          if (attempts > 1) return 'at last'
          const other = await pool.connect()
          try {
            return await withTransaction(async (tx) => {
              await tx.query('select 1')
              inside.resolve()
              await gate.promise
              await tx.query('select 2')
            })
          } finally {
            other.release()
          }
        }),
      ],
      { pool: handlersPool() },
    )
    const failed = once(runner, 'job.failed')
    const { id } = await app.kong.addJob('work')
    await inside.promise
    await killAll()
    await eventually(async () => expect(await app.backends(HANDLERS)).toEqual([]))
    gate.resolve()
    await failed
    await expectAllCompleted(1)
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 2, result: 'at last' })
  })

  it('does not make an idle runner deaf', async () => {
    const runner = await app.run({ work: () => undefined })
    const warm = settled(runner, 1)
    await app.kong.addJob('work')
    await warm
    await eventually(async () => expect(await app.backends('kongtask listener')).toHaveLength(1))
    await killAll()
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([{ job: { id } }])
  })
})

/** Between a runner and the database; can cut every wire without a word, and refuse new ones. */
class Proxy {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #open = true

  constructor(port: number, host: string) {
    this.#server = createServer((near) => {
      if (!this.#open) {
        near.resetAndDestroy()
        return
      }
      const far = connectSocket(port, host)
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one)
        one.pipe(other)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** No word of farewell, as when a host dies or a firewall forgets. */
  cut(): void {
    this.#open = false
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  restore(): void {
    this.#open = true
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

describe('a network that fails', () => {
  async function throughProxy(): Promise<{ proxy: Proxy; connectionString: string }> {
    const url = new URL(app.database.connectionString)
    const proxy = new Proxy(Number(url.port), url.hostname)
    url.port = String(await proxy.listen())
    opened.push(() => proxy.close())
    return { proxy, connectionString: url.href }
  }

  it('for a moment, in the middle of queries, ends no process, and every job is completed', async () => {
    const { proxy, connectionString } = await throughProxy()
    const task = defineTask('work', { backoff: fixed(10), maxAttempts: 100 })
    let started = 0
    const waves = [deferred(), deferred()]
    const runner = await run({
      connectionString,
      logger: silent,
      migrate: false,
      ...PATIENT,
      tasks: [
        handle(task, async (_, { pool, withTransaction }) => {
          started += 1
          waves[Math.floor(started / 50) - 1]?.resolve()
          await withTransaction(async (tx) => {
            await tx.query('select pg_sleep(0.001)')
            await tx.query('select 2')
          })
          await pool.query('select 1')
        }),
      ],
    })
    await app.kong.addJobs(Array.from({ length: 200 }, () => ({ task: 'work' })))
    for (const wave of waves) {
      await wave.promise
      const noticed = once(runner, 'worker.weather')
      proxy.cut()
      expect(await noticed).toMatchObject({ error: expect.any(Error) })
      proxy.restore()
    }
    await expectAllCompleted(200)
    await runner.stop()
  })

  it('for longer than the lease makes others take over, and handlers are told', async () => {
    const { proxy, connectionString } = await throughProxy()
    const reasons: unknown[] = []
    const [started, told] = [deferred(), deferred()]
    const cutOff = await run({
      connectionString,
      logger: silent,
      migrate: false,
      ...PATIENT,
      tasks: {
        work: async (_, { signal }) => {
          if (reasons.length > 0) return 'by the one that came back'
          started.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          reasons.push(signal.reason)
          told.resolve()
          return 'by the one that was cut off'
        },
      },
    })
    const { id } = await app.kong.addJob('work')
    await started.promise
    proxy.cut()
    await told.promise
    expect(reasons).toMatchObject([{ name: 'LeaseLostError' }])
    const heir = await app.run({ work: () => 'by the heir' }, PATIENT)
    await settled(heir, 1)
    await heir.stop()
    const back = settled(cutOff, 1)
    proxy.restore()
    const next = await app.kong.addJob('work')
    expect(await back).toMatchObject([{ job: { id: next.id } }])
    await cutOff.stop()
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'by the heir' })
  })

  it('does not keep a runner from stopping, and what it could not write is run elsewhere', async () => {
    const { proxy, connectionString } = await throughProxy()
    const [started, gate] = [deferred(), deferred()]
    const cutOff = await run({
      connectionString,
      logger: silent,
      migrate: false,
      ...PATIENT,
      tasks: {
        work: async () => {
          started.resolve()
          await gate.promise
        },
      },
    })
    const { id } = await app.kong.addJob('work')
    await started.promise
    proxy.cut()
    gate.resolve()
    await cutOff.stop()
    expect(await app.job(id)).toMatchObject({ state: 'running' })
    const heir = await app.run({ work: () => 'by the heir' }, PATIENT)
    await settled(heir, 1)
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'by the heir' })
  })
})
