import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { useJourney } from '../journeys/journey.ts'
import { createTestDatabase } from '../support/database.ts'

const app = useJourney()

describe('health', () => {
  it('tells of workers, queues, latency and clocks while jobs are worked', async () => {
    await app.run({ work: () => undefined }, { queues: { default: 1 } })
    await app.kong.queues.pause('mail')
    await app.kong.addJob('work', {}, { queue: 'mail' })
    await app.kong.addJob('work')
    const health = await app.kong.health()
    expect(health).toEqual({
      ok: true,
      isReachable: true,
      isMigrated: true,
      problem: undefined,
      latency: expect.any(Number),
      clockOffset: expect.any(Number),
      workers: 1,
      queues: [
        expect.objectContaining({ name: 'default', pausedAt: undefined }),
        { name: 'mail', pausedAt: expect.any(Date), oldestReadyAge: expect.any(Number) },
      ],
    })
    // The server is on this machine.
    expect(Math.abs(health.clockOffset ?? Infinity)).toBeLessThan(5_000)
  })

  it('sees how far the clock of jobs is off', async () => {
    await using database = await createTestDatabase()
    await database.pool.query(`create or replace function kongtask.clock() returns timestamptz
      language sql volatile parallel safe return clock_timestamp() + interval '1 hour'`)
    const { clockOffset } = await new KongTask({ pool: database.pool }).health()
    expect(clockOffset).toBeGreaterThan(3_595_000)
    expect(clockOffset).toBeLessThan(3_605_000)
  })

  it('says that the tables are missing', async () => {
    await using database = await createTestDatabase({ migrated: false })
    expect(await new KongTask({ pool: database.pool }).health()).toMatchObject({
      ok: false,
      isReachable: true,
      isMigrated: false,
      problem: expect.stringContaining('kong.migrate()'),
    })
  })

  it('says that the database cannot be reached', async () => {
    await using kong = new KongTask({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
    expect(await kong.health()).toMatchObject({
      ok: false,
      isReachable: false,
      problem: expect.stringContaining('cannot be reached'),
    })
  })

  it('is not told by a client that was closed', async () => {
    const { kong } = app
    await kong.close()
    await expect(kong.health()).rejects.toMatchObject({ code: 'KT_CLOSED' })
  })
})
