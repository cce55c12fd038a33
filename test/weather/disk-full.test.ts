import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTaskError } from 'kongtask'
import { startPostgres, type EmbeddedPostgres } from 'kongtask/embedded'
import { expect, it } from 'vitest'
import { Endangered } from '../support/endangered.ts'
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
    const gate = deferred()
    let running = 0
    const app = await Endangered.open(() => server.connectionString, {
      tasks: {
        work: async () => {
          running += 1
          await gate.promise
          // Without a result they would need no room to end.
          return bulky()
        },
      },
      concurrency: RUNNING,
    })
    const addOne = (): Promise<void> => app.addOne(bulky()).catch(() => undefined)
    try {
      for (let n = 0; n < RUNNING; n += 1) await addOne()
      expect(app.refused).toEqual([])
      await eventually(() => expect(running).toBe(RUNNING))
      await small.fill()
      gate.resolve()
      await eventually(
        async () => {
          await addOne()
          expect(app.refused).toContainEqual(
            expect.objectContaining({
              code: expect.stringMatching(code),
              message: expect.stringMatching(refusal),
            }),
          )
          expect(app.weather).not.toEqual([])
        },
        { within: 60_000 },
      )
      expect(app.refused.filter((error) => !(error instanceof KongTaskError))).toEqual([])

      await small.free()
      if (part === 'wal') {
        await server.stop()
        server = await start()
      }
      const before = app.acknowledged.length
      await eventually(
        async () => {
          await addOne()
          expect(app.acknowledged.length).toBeGreaterThan(before + 5)
        },
        { within: 30_000 },
      )
      await app.allRun(server.connectionString)
      expect(app.hasStopped).toBe(false)
    } finally {
      await small.free()
      await app[Symbol.asyncDispose]()
      await server.stop()
    }
  },
)
