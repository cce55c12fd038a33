// Handlers have connections of their own: whatever they do with them, the engine goes on.
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { settled, useJourney } from './journey.ts'

const app = useJourney()
const CONNECTIONS = 2

it('where handlers hold all connections others are claimed, renewed, settled and added all the same', async () => {
  const { connectionString } = app.database
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS, application_name: 'kongtask handlers' })
  pool.on('error', () => undefined)
  onTestFinished(() => pool.end())
  const [held, gate] = [deferred(), deferred()]
  const asked: string[] = []
  const runner = await app.run(
    {
      hold: async (_, { pool: own }) => {
        const client = await own.connect()
        if (pool.totalCount - pool.idleCount === CONNECTIONS) held.resolve()
        await gate.promise
        client.release()
      },
      ask: async (_, { pool: own, job }) => {
        asked.push(job.id)
        await own.query('select')
      },
      parent: async (_, { addJob }) => void (await addJob('plain')),
      plain: () => undefined,
    },
    { pool, concurrency: 20, leaseDuration: '5s', heartbeatInterval: '200ms' },
  )
  onTestFinished(() => gate.resolve())
  await app.kong.addJobs(Array.from({ length: CONNECTIONS }, () => ({ task: 'hold' })))
  await held.promise
  const { id } = await app.kong.addJob('ask')
  await eventually(() => expect(asked).toEqual([id]))
  expect(pool.waitingCount).toBe(1)

  const done = settled(runner, 20)
  await app.kong.addJobs(Array.from({ length: 10 }, () => ({ task: 'parent' })))
  const outcomes = await done
  expect(outcomes.map(({ job: { task } }) => task).filter((task) => task === 'plain')).toHaveLength(10)
  const lease = async (): Promise<unknown> => (await app.query('select expires_at from kongtask.workers'))[0]
  const before = await lease()
  await eventually(async () => expect(await lease()).not.toEqual(before))
  expect(await app.states()).toEqual({ running: CONNECTIONS + 1, completed: 20 })

  const rest = settled(runner, CONNECTIONS + 1)
  gate.resolve()
  await rest
  expect(await app.states()).toEqual({ completed: 20 + CONNECTIONS + 1 })
})
