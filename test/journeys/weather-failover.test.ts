import { KongTask, KongTaskError, run } from 'kongtask'
import { expect, it } from 'vitest'
import { Proxy } from '../../src/torture/proxy.ts'
import { startReplicated } from '../support/replicated.ts'
import { withClient } from '../support/run-databases.ts'
import { eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'

/** Acknowledged before the primary dies, and in all. */
const JOBS = { before: 20, all: 60 }

it(
  'a standby takes over: while it is read only adds are refused, then all that was acknowledged runs, and work goes on',
  { timeout: 120_000 },
  async () => {
    await using servers = await startReplicated(async (connectionString) => {
      await using kong = new KongTask({ connectionString })
      await kong.migrate()
    })
    let target = new URL(servers.primary.connectionString)
    const proxy = await Proxy.open(() => ({ host: target.hostname, port: Number(target.port) }))
    const proxied = new URL(servers.primary.connectionString)
    proxied.port = String(proxy.port)
    const standby = new URL(servers.standby.connectionString)
    // Of the same cluster, so the password is the same, too.
    expect(standby.password).toBe(proxied.password)

    const kong = new KongTask({ connectionString: proxied.href })
    const runner = await run({
      connectionString: proxied.href,
      tasks: { work: () => 'done' },
      logger: silent,
      migrate: false,
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
    const adding = (async () => {
      while (acknowledged.length < JOBS.all) await eventually(addOne, { within: 60_000 })
    })()
    try {
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(JOBS.before), { within: 20_000 })
      await servers.killPrimary()
      target = standby
      await eventually(
        () => {
          expect(refused).toContainEqual(
            expect.objectContaining({
              code: 'KT_DATABASE_UNAVAILABLE',
              message: expect.stringContaining('takes no writes'),
            }),
          )
          expect(weather).toContainEqual(expect.objectContaining({ code: '25006' }))
        },
        { within: 20_000 },
      )
      const before = acknowledged.length
      expect(before).toBeLessThan(JOBS.all)

      await servers.promoteStandby()
      await adding
      await withClient(standby.href, (client) =>
        eventually(
          async () => {
            const { rows } = await client.query<{ left: string }>(
              `select unnest($1::int8[])::text as left except select id::text from kongtask.history where completed`,
              [acknowledged],
            )
            expect(rows).toEqual([])
          },
          { within: 40_000 },
        ),
      )
      expect(hasStopped).toBe(false)
      expect(refused.filter((error) => !(error instanceof KongTaskError))).toEqual([])
    } finally {
      await adding.catch(() => undefined)
      await runner.stop()
      await kong.close()
      await proxy.close()
    }
  },
)
