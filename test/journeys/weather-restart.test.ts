// The server ends under a working runner and comes back, as in an upgrade (fast) or after a crash (immediate).
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KongTask, KongTaskError, run } from 'kongtask'
import { startPostgres, type EmbeddedPostgres } from 'kongtask/embedded'
import { expect, it } from 'vitest'
import { Proxy } from '../../src/torture/proxy.ts'
import { withClient } from '../support/run-databases.ts'
import { deferred, eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'

/** Under way as the server ends, and acknowledged in all. */
const JOBS = { running: 10, all: 60 }

it.each([
  ['fast', 'SIGINT'],
  ['immediate', 'SIGQUIT'],
] as const)(
  'PostgreSQL restarted, %s: the runner lives, and all that was acknowledged runs',
  { timeout: 120_000 },
  async (_, signal) => {
    const folder = await mkdtemp(join(tmpdir(), 'kt-'))
    await chmod(folder, 0o755)
    // What was acknowledged must be there after a crash of the server; one of the machine is not played.
    const start = (): Promise<EmbeddedPostgres> =>
      startPostgres({ dataDir: folder, durable: false, settings: { synchronous_commit: 'on' } })
    let server = await start()
    const proxy = await Proxy.open(() => {
      const { hostname: host, port } = new URL(server.connectionString)
      return { host, port: Number(port) }
    })
    const url = new URL(server.connectionString)
    url.port = String(proxy.port)
    const kong = new KongTask({ connectionString: url.href })
    const gate = deferred()
    let running = 0
    const runner = await run({
      connectionString: url.href,
      tasks: {
        work: async () => {
          running += 1
          await gate.promise
        },
      },
      concurrency: JOBS.running,
      logger: silent,
      pollInterval: 200,
    })
    let hasStopped = false
    void runner.stopped.then(() => (hasStopped = true))
    const weather: unknown[] = []
    runner.on('worker.weather', ({ error }) => weather.push(error))
    const acknowledged: string[] = []
    const refused: unknown[] = []
    const addOne = async (): Promise<void> => {
      try {
        acknowledged.push((await kong.addJob('work')).id)
      } catch (error) {
        refused.push(error)
        throw error
      }
    }
    try {
      for (let n = 0; n < JOBS.running; n += 1) await addOne()
      await eventually(() => expect(running).toBe(JOBS.running), { within: 20_000 })

      const [pid] = (await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), signal)
      await server.stop()
      await expect(addOne()).rejects.toBeInstanceOf(KongTaskError)
      gate.resolve()
      await eventually(() => expect(weather).not.toEqual([]), { within: 20_000 })

      server = await start()
      while (acknowledged.length < JOBS.all) await eventually(addOne, { within: 30_000 })
      await withClient(server.connectionString, (client) =>
        eventually(
          async () => {
            const { rows } = await client.query(
              `select a as id from unnest($1::int8[]) a
                where (select count(*) from kongtask.history h where h.id = a and h.completed) <> 1`,
              [acknowledged],
            )
            expect(rows).toEqual([])
          },
          { within: 40_000 },
        ),
      )
      expect(hasStopped).toBe(false)
      const code = expect.stringMatching(/^KT_(DATABASE_UNAVAILABLE|CONNECTION_LOST)$/)
      expect(refused).toEqual(refused.map(() => expect.objectContaining({ name: 'KongTaskError', code })))
    } finally {
      gate.resolve()
      await runner.stop()
      await kong.close()
      await proxy.close()
      await server.stop()
      await rm(folder, { recursive: true })
    }
  },
)
