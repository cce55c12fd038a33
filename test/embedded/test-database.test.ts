// The test support's own promises: what all other tests stand on.
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { ask } from './sandbox.ts'

const count = (name: string) => `select count(*)::int from pg_database where datname = '${name}'`

test('databases for tests are migrated copies that share nothing, made at the same time', async () => {
  const databases = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()])
  const [first, ...others] = databases
  await first?.pool.query('create table mine ()')
  for (const { pool } of others) {
    const { rows } = await pool.query<{ mine: string | null; schema: string | null }>(
      "select to_regclass('mine')::text as mine, to_regnamespace('kongtask')::text as schema",
    )
    expect(rows).toEqual([{ mine: null, schema: 'kongtask' }])
  }
  await Promise.all(databases.map((database) => database.drop()))
  for (const { name } of databases) expect(await ask(inject('adminConnectionString'), count(name))).toBe(0)
})

test('a test database can be had without KongTask’s schema', async () => {
  await using database = await createTestDatabase({ migrated: false })
  expect(await ask(database.connectionString, "select to_regnamespace('kongtask')")).toBe(null)
})

test('a connection that a test leaves open fails the test by its name, and the database goes all the same', async () => {
  const database = await createTestDatabase({ migrated: false })
  const leak = new Client({
    connectionString: database.connectionString,
    application_name: 'the forgotten one',
  })
  leak.on('error', () => undefined)
  await leak.connect()
  await leak.query("select 'a trace'")
  await expect(database.drop()).rejects.toThrow(
    /1 connections .* still open:\s+"the forgotten one" .*'a trace'/,
  )
  expect(await ask(inject('adminConnectionString'), count(database.name))).toBe(0)
})

test('a client that a test does not give back to the pool fails the test too', async () => {
  const database = await createTestDatabase({ migrated: false })
  const client = await database.pool.connect()
  client.on('error', () => undefined)
  await client.query("select 'a trace'")
  await expect(database.drop()).rejects.toThrow(/"kongtask test" .*'a trace'/)
})
