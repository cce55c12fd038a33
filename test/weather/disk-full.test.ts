import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTask, KongTaskError, run } from 'kongtask'
import { startPostgres, type EmbeddedPostgres } from 'kongtask/embedded'
import { expect, it } from 'vitest'
import { Proxy } from '../../src/torture/proxy.ts'
import { silent } from '../journeys/journey-logger.ts'
import { withClient } from '../support/run-databases.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { deferred, eventually } from '../support/wait.ts'

const move = promisify(execFile)

const SETTINGS = { synchronous_commit: 'on', min_wal_size: '32MB', max_wal_size: '48MB' }

/** A cluster of which a part lies on the small disk. */
async function clusterOn(part: 'data' | 'wal', small: SmallDisk, large: SmallDisk): Promise<string> {
  const [home, wal] = part === 'data' ? [small, large] : [large, small]
  const dataDir = join(home.folder, 'cluster')
  await (await startPostgres({ dataDir, durable: false })).stop()
  const [from, to] = [join(dataDir, 'data', 'pg_wal'), join(wal.folder, 'pg_wal')]
  await move('mv', [from, to])
  await symlink(to, from)
  return dataDir
}

/** Jobs that run as the disk gets full. */
const RUNNING = 10

/** So that each takes room: nothing to compress. */
const bulky = (): string => randomBytes(30_000).toString('base64')

it.each([
  ['data', 120, /^KT_DATABASE_UNAVAILABLE$/, /has run out of disk/],
  // PostgreSQL ends all connections and starts anew, or does not get that far.
  ['wal', 80, /^KT_(CONNECTION_LOST|DATABASE_UNAVAILABLE)$/, /database broke|cannot be reached/],
] as const)(
  'a disk that is full of %s: adds are refused, nobody exits, and with room again all that was added runs',
  async (part, megabytes, code, refusal) => {
    await using small = await mountSmallDisk(megabytes)
    await using large = await mountSmallDisk(2_000)
    const dataDir = await clusterOn(part, small, large)
    const start = (): Promise<EmbeddedPostgres> =>
      startPostgres({ dataDir, durable: false, settings: SETTINGS })
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
          // Without a result they would need no room to end.
          return bulky()
        },
      },
      concurrency: RUNNING,
      logger: silent,
      pollInterval: 200,
    })
    let hasStopped = false
    void runner.stopped.then(() => (hasStopped = true))
    const weather: unknown[] = []
    runner.on('worker.weather', ({ error }) => weather.push(error))
    const added: string[] = []
    const refused: unknown[] = []
    const addOne = async (): Promise<void> => {
      try {
        added.push((await kong.addJob('work', bulky())).id)
      } catch (error) {
        refused.push(error)
      }
    }
    try {
      for (let n = 0; n < RUNNING; n += 1) await addOne()
      expect(refused).toEqual([])
      await eventually(() => expect(running).toBe(RUNNING))
      await small.fill()
      gate.resolve()
      await eventually(
        async () => {
          await addOne()
          expect(refused).toContainEqual(
            expect.objectContaining({
              code: expect.stringMatching(code),
              message: expect.stringMatching(refusal),
            }),
          )
          expect(weather).not.toEqual([])
        },
        { within: 60_000 },
      )
      expect(refused.filter((error) => !(error instanceof KongTaskError))).toEqual([])

      await small.free()
      if (part === 'wal') {
        await server.stop()
        server = await start()
      }
      const before = added.length
      await eventually(
        async () => {
          await addOne()
          expect(added.length).toBeGreaterThan(before + 5)
        },
        { within: 30_000 },
      )
      await withClient(server.connectionString, (client) =>
        eventually(
          async () => {
            const { rows } = await client.query(
              'select unnest($1::int8[]) as left except select id from kongtask.history where completed',
              [added],
            )
            expect(rows).toEqual([])
          },
          { within: 40_000 },
        ),
      )
      expect(hasStopped).toBe(false)
    } finally {
      await small.free()
      await runner.stop()
      await kong.close()
      await proxy.close()
      await server.stop()
    }
  },
)
