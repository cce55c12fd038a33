import { KongTask, KongTaskError } from 'kongtask'
import { expect, it } from 'vitest'
import { Endangered } from '../support/endangered.ts'
import { startReplicated } from '../support/replicated.ts'
import { eventually } from '../support/wait.ts'

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
    let target = servers.primary.connectionString
    const standby = servers.standby.connectionString
    // Of the same cluster, so the password is the same, too.
    expect(new URL(standby).password).toBe(new URL(target).password)
    const app = await Endangered.open(() => target, { tasks: { work: () => 'done' }, migrate: false })
    const adding = (async () => {
      while (app.acknowledged.length < JOBS.all) await eventually(() => app.addOne(), { within: 60_000 })
    })()
    try {
      await eventually(() => expect(app.acknowledged.length).toBeGreaterThan(JOBS.before), { within: 20_000 })
      await servers.killPrimary()
      target = standby
      await eventually(
        () => {
          expect(app.refused).toContainEqual(
            expect.objectContaining({
              code: 'KT_DATABASE_UNAVAILABLE',
              message: expect.stringContaining('takes no writes'),
            }),
          )
          expect(app.weather).toContainEqual(expect.objectContaining({ code: '25006' }))
        },
        { within: 20_000 },
      )
      const before = app.acknowledged.length
      expect(before).toBeLessThan(JOBS.all)

      await servers.promoteStandby()
      await adding
      await app.allRun(standby)
      expect(app.hasStopped).toBe(false)
      expect(app.refused.filter((error) => !(error instanceof KongTaskError))).toEqual([])
    } finally {
      await adding.catch(() => undefined)
      await app[Symbol.asyncDispose]()
    }
  },
)
