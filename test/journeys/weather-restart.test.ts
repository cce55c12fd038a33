// The server ends under a working runner and comes back, as in an upgrade (fast) or after a crash (immediate).
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KongTaskError } from 'kongtask'
import { startPostgres, type EmbeddedPostgres } from 'kongtask/embedded'
import { expect, it } from 'vitest'
import { Endangered } from '../support/endangered.ts'
import { deferred, eventually } from '../support/wait.ts'

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
    const gate = deferred()
    let running = 0
    const app = await Endangered.open(() => server.connectionString, {
      tasks: {
        work: async () => {
          running += 1
          await gate.promise
        },
      },
      concurrency: JOBS.running,
    })
    try {
      for (let n = 0; n < JOBS.running; n += 1) await app.addOne()
      await eventually(() => expect(running).toBe(JOBS.running), { within: 20_000 })

      const [pid] = (await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), signal)
      await server.stop()
      await expect(app.addOne()).rejects.toBeInstanceOf(KongTaskError)
      gate.resolve()
      await eventually(() => expect(app.weather).not.toEqual([]), { within: 20_000 })

      server = await start()
      while (app.acknowledged.length < JOBS.all) await eventually(() => app.addOne(), { within: 30_000 })
      await app.allRun(server.connectionString)
      expect(app.hasStopped).toBe(false)
      const code = expect.stringMatching(/^KT_(DATABASE_UNAVAILABLE|CONNECTION_LOST)$/)
      expect(app.refused).toEqual(
        app.refused.map(() => expect.objectContaining({ name: 'KongTaskError', code })),
      )
    } finally {
      gate.resolve()
      await app[Symbol.asyncDispose]()
      await server.stop()
      await rm(folder, { recursive: true })
    }
  },
)
