import { Client } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { Listener } from '../../src/store/listener.ts'
import type { Session } from '../../src/store/workers.ts'
import { deferred } from '../support/wait.ts'
import { useStore } from './fixture.ts'

const db = useStore()

/** The first session that a listener tells. */
async function toldSession(change: (client: Client) => void = () => undefined): Promise<Session> {
  const told = deferred<Session>()
  const listener = new Listener({
    connect: () => {
      const client = new Client({ connectionString: db.database.directConnectionString })
      client.once('connect', () => change(client))
      return client
    },
    schema: 'kongtask',
    deadline: 5_000,
    interval: 60_000,
    onWake: () => undefined,
    onMessage: () => undefined,
    onSession: (session) => told.resolve(session),
    onWeather: (error) => told.reject(error),
  })
  onTestFinished(() => listener.stop())
  await listener.start()
  return told.promise
}

it('the session of the listening connection is told', async () => {
  const session = await toldSession()
  const { pid } = JSON.parse(session ?? '{}')
  expect(
    await db.query(`select query from pg_stat_activity where pid = $1 and query like '%this_session%'`, [
      pid,
    ]),
  ).toHaveLength(1)
})

it('behind a pooler, which greets with a number of its own, none is told', async () => {
  expect(await toldSession((client) => void Reflect.set(client, 'processID', 1))).toBeNull()
})
