import { afterAll, beforeAll, expect, it } from 'vitest'
import { torture } from '../../src/torture/torture.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
})
afterAll(() => database.drop())

it('kill -9 of worker processes loses nothing and doubles nothing, and their jobs are started anew', async () => {
  const { scenarios, ok } = await torture(
    {
      scenarios: ['kill'],
      duration: '1s',
      seed: 20_261_123,
      lease: '2s',
      workers: 2,
      connectionString: database.connectionString,
    },
    { signal: AbortSignal.timeout(55_000) },
  )
  const [kill] = scenarios
  expect(kill).toMatchObject({ name: 'kill', lost: 0, doubleCommitted: 0, errors: [] })
  expect(ok).toBe(true)
  expect(kill?.jobs).toBeGreaterThan(100)
  expect(kill?.injuries).toBeGreaterThan(0)
  expect(kill?.recovered).toBeGreaterThan(0)
  // Whoever sees that a process is gone gives it a moment to say that it has lost nothing but a connection.
  expect(kill?.recoveryMs.p50).toBeGreaterThan(500)
  expect(kill?.limit.looks).toBeGreaterThan(10)
})

it('gives up with its signal, and takes away what it made', async () => {
  const over = new AbortController()
  const reason = new Error('enough')
  const running = torture(
    { scenarios: ['suspend'], duration: '1m', workers: 2, connectionString: database.connectionString },
    {
      signal: over.signal,
      onProgress: ({ phase }) => {
        if (phase === 'starting') over.abort(reason)
      },
    },
  )
  await expect(running).rejects.toBe(reason)
  const { rows } = await database.pool.query(
    `select nspname from pg_namespace where nspname like 'kongtask%'`,
  )
  expect(rows).toEqual([])
})

it('tells which schemas are still there where they could not be dropped', async () => {
  await using guarded = await createTestDatabase({ migrated: false })
  await guarded.pool.query(`
    create function keep() returns event_trigger language plpgsql as $$ begin raise exception 'nothing is dropped here'; end $$;
    create event trigger keep on ddl_command_start when tag in ('DROP SCHEMA') execute function keep()`)
  const left: [readonly string[], string][] = []
  const reason = new Error('enough')
  await expect(
    torture(
      { scenarios: ['kill'], connectionString: guarded.connectionString },
      { signal: AbortSignal.abort(reason), onLeftBehind: (...what) => left.push(what) },
    ),
  ).rejects.toBe(reason)
  const { rows } = await guarded.pool.query(
    `select array_agg(nspname::text order by nspname) as names from pg_namespace where nspname like 'kongtask_torture%'`,
  )
  expect(rows[0].names).toHaveLength(2)
  expect(left).toEqual([[rows[0].names, 'nothing is dropped here']])
})
