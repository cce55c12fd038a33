import pg from 'pg'
import { Proxy } from '../../src/torture/proxy.ts'
import { afterEach, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { settled, useJourney } from './journey.ts'

// The journeys themselves go through a real pooler with `npm run pgbouncer`.
const app = useJourney()

let opened: (() => Promise<void>)[] = []
afterEach(async () => {
  await app.stopRunners()
  for (const close of opened.toReversed()) await close()
  opened = []
})

/** A way to the database that is not the direct one. */
async function detour(): Promise<{ pool: pg.Pool; proxy: Proxy }> {
  const url = new URL(app.database.connectionString)
  const { hostname: host, port } = url
  const proxy = await Proxy.open(() => ({ host, port: Number(port) }))
  opened.push(() => proxy.close())
  url.port = String(proxy.port)
  const pool = new pg.Pool({ connectionString: url.href })
  pool.on('error', () => undefined)
  opened.push(() => pool.end())
  return { pool, proxy }
}

it('a runner that is given a direct connection hears of jobs by that, and does everything else by the other', async () => {
  const { pool, proxy } = await detour()
  const { directConnectionString } = app.database
  const runner = await app.run({ work: () => undefined }, { pool, directConnectionString })
  const portsOf = async (name: string): Promise<number[]> => {
    const rows = await app.query(
      'select client_port from pg_stat_activity where datname = current_database() and application_name = $1',
      [name],
    )
    expect(rows).not.toEqual([])
    return rows.map(({ client_port: port }) => Number(port))
  }
  const [listener] = await eventually(() => portsOf('kongtask listener'))
  expect(proxy.farPorts).not.toContain(listener)
  // It looks by itself once an hour.
  const done = settled(runner, 1)
  const { id } = await app.kong.addJob('work')
  expect(await done).toMatchObject([{ job: { id } }])
  // And the ports of a pooler's connections are its own.
  expect(proxy.farPorts.length).toBeGreaterThan(0)
})

it('a runner whose direct connection leads nowhere finds jobs by polling', async () => {
  const nowhere = new URL(app.database.directConnectionString)
  nowhere.port = '1'
  const runner = await app.run(
    { work: () => undefined },
    { directConnectionString: nowhere.href, pollInterval: 50 },
  )
  const done = settled(runner, 1)
  const { id } = await app.kong.addJob('work')
  expect(await done).toMatchObject([{ job: { id } }])
})
