import { createTestKongTask, TestKongTask } from 'kongtask/testing'
import { expect, inject, it } from 'vitest'
import { openServerDatabase, skewOf } from '../../src/testing/kit-database.ts'
import { silent } from '../journeys/journey-logger.ts'
import { withClient } from '../support/run-databases.ts'

it('a connection that was never given back does not keep a kit from closing', async () => {
  const connectionString = inject('adminConnectionString')
  const kong = await createTestKongTask({ connectionString, logger: silent })
  const tx = await kong.pool.connect()
  await tx.query('begin')
  await kong.with(tx).addJob('work')
  await kong.close()
  const { rows } = await withClient(connectionString, (client) =>
    client.query('select from pg_namespace where nspname = $1', [kong.schema]),
  )
  expect(rows).toEqual([])
})

it('time is that of the server, where its clock is behind that of this machine', async () => {
  const hour = 3_600_000
  const server = await openServerDatabase(inject('adminConnectionString'))
  const moveClock = (ahead: number): Promise<void> => server.moveClock(ahead - hour)
  await moveClock(0)
  const skew = await skewOf(server.store)
  const effects: unknown[] = []
  await using kong = new TestKongTask(
    { ...server, moveClock, skew },
    { tasks: { work: (payload) => effects.push(payload) }, logger: silent },
  )
  expect(Math.round((kong.clock.now().getTime() - Date.now()) / 60_000)).toBe(-60)

  const { id } = await kong.addJob('work', 1, { scheduledIn: '10m' })
  await kong.drain({ until: { job: id, state: 'completed' } })
  await kong.addJob('work', 2, { scheduledIn: '10m' })
  const { scheduledAt } = await kong.expectJob('work', { payload: 2, state: 'scheduled' })
  await kong.clock.advanceTo(new Date(scheduledAt.getTime() - 60_000))
  await kong.drain()
  expect(effects).toEqual([1])
  await kong.clock.advanceTo(scheduledAt)
  await kong.drain()
  expect(effects).toEqual([1, 2])
})
