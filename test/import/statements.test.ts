import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as generated from '../../src/import/statements.generated.ts'
import { describeStatement } from '../sql/described.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'
import { loadFixture } from './fixture.ts'

describe('the statements of sql/imports, on tables as those systems make them', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false })
    for (const system of ['graphile-worker', 'pg-boss', 'bullmq'])
      await loadFixture(system, database.connectionString)
  })
  afterAll(() => database.drop())

  async function typeNames(types: readonly (string | number)[]): Promise<unknown[]> {
    const { rows } = await database.pool.query<{ name: string }>(
      `select t::regtype::text as name from unnest($1::text[]) with ordinality as x (t, n) order by n`,
      [types],
    )
    return rows.map(({ name }) => name)
  }

  it.each(Object.values(generated))(
    '$name is what its header says',
    async ({ text, parameters, columns }) => {
      const described = await withClient(database.connectionString, (client) =>
        describeStatement(client, text),
      )
      expect(await typeNames(described.parameters)).toEqual(
        await typeNames(parameters.map(([, type]) => type)),
      )
      const types = await typeNames(described.columns.map(({ type }) => type))
      expect(described.columns.map(({ name }, n) => [name, types[n]])).toEqual(
        (await typeNames(columns.map(([, type]) => type))).map((type, n) => [columns[n]?.[0], type]),
      )
    },
  )
})
