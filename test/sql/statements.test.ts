import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { forSchema } from '../../src/store/statement.ts'
import * as generated from '../../src/store/statements.generated.ts'
import { createStore } from '../../src/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'
import { describeStatement } from './described.ts'

const statements = Object.values(generated)
/** Utility statements, which the server does not prepare. The tests of their verbs run them. */
const unprepared = new Set([
  'bench_drop',
  'bench_raw_delete',
  'bench_raw_insert',
  'bench_raw_table',
  'clear_database',
  'create_schema',
  'detach_day',
  'doctor_listen',
  'drop_day',
  'drop_schema',
  'empty_tables',
  'finalize_day',
  'listen',
  'move_clock',
  'read_in_snapshot',
])

it('every file of sql/queries is a statement', () => {
  const folder = fileURLToPath(new URL('../../sql/queries', import.meta.url))
  const files = readdirSync(folder).map((file) => file.replace(/\.sql$/, ''))
  expect(statements.map(({ name }) => name).toSorted()).toEqual(files.toSorted())
})

describe.each(['select', 'user', 'kongtask'])('in the schema "%s"', (schema) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false })
    await createStore(pgDatabase(database.pool, 30_000), schema).migrate()
  })
  afterAll(() => database.drop())

  async function typeNames(types: readonly (string | number)[]): Promise<unknown[]> {
    const { rows } = await database.pool.query<{ name: string }>(
      `select t::regtype::text as name from unnest($1::text[]) with ordinality as x (t, n) order by n`,
      [types],
    )
    return rows.map(({ name }) => name)
  }

  it.each(statements.filter(({ name }) => !unprepared.has(name)))(
    '$name is what its header says',
    async ({ text, parameters, columns }) => {
      const described = await withClient(database.connectionString, (client) =>
        describeStatement(client, forSchema(text, schema)),
      )
      expect(await typeNames(described.parameters)).toEqual(
        await typeNames(parameters.map(([, type]) => type)),
      )
      const types = await typeNames(described.columns.map(({ type }) => type))
      const answered = described.columns
        .map(({ name }, n) => [name, types[n]])
        // A function that returns nothing has a column for it.
        .filter(([, type]) => type !== 'void')
      const promised = await typeNames(columns.map(([, type]) => type))
      expect(answered).toEqual(columns.map(([name], n) => [name, promised[n]]))
    },
  )

  // What is switched off only costs ten thousand million, for which PostgreSQL would compile the plan each time it runs.
  it('no function that keeps the planner from something lets it compile its plans', async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `select p.proname as name from pg_proc p
        where p.pronamespace = $1::regnamespace and p.proconfig::text like '%enable_%' and not 'jit=off' = any (p.proconfig)`,
      [`"${schema}"`],
    )
    expect(rows).toEqual([])
  })

  it('nothing is written for the schema kongtask alone', () => {
    if (schema === 'kongtask') return
    for (const { text } of statements) expect(forSchema(text, schema)).not.toContain('kongtask')
  })

  it.each([...unprepared])('%s has neither parameters nor columns', (name) => {
    expect(statements.find((statement) => statement.name === name)).toMatchObject({
      parameters: [],
      columns: [],
    })
  })
})
