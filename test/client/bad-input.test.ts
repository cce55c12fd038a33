import { KongTask, KongTaskError } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { badInputs, badSchemaNames, mail, unknownTasks } from './bad-inputs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

async function caught(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    return error
  }
}

/** Everything in the schema, so that not even a name is left behind. */
async function fingerprint(): Promise<unknown> {
  const { rows } = await database.pool.query(`
    select table_name, (xpath('/row/c/text()', query_to_xml(
      format('select md5(string_agg(t::text, chr(10) order by t::text)) as c from kongtask.%I t', table_name),
      false, true, '')))[1]::text as content
    from information_schema.tables where table_schema = 'kongtask' order by table_name`)
  return rows
}

const schemas = (): Promise<unknown> =>
  database.pool.query('select nspname from pg_namespace order by 1').then(({ rows }) => rows)

it('there are at least sixty ways to get it wrong', () => {
  expect(new Set(badInputs.map(({ name }) => name)).size).toBeGreaterThanOrEqual(60)
})

describe('bad input', () => {
  it.each(badInputs)('is refused at the call, and nothing is written: $name', async ({ attempt, code }) => {
    const before = await fingerprint()
    const kong = new KongTask({ pool: database.pool })
    const error = await caught(() => attempt(kong))
    expect(error).toBeInstanceOf(KongTaskError)
    expect(error).toHaveProperty('code', code)
    expect(await fingerprint()).toEqual(before)
  })

  it.each(unknownTasks)('of a client with tasks: $name', async ({ attempt, code }) => {
    const before = await fingerprint()
    const kong = new KongTask({ pool: database.pool, tasks: [mail] })
    expect(await caught(() => attempt(kong))).toMatchObject({ name: 'KongTaskError', code })
    expect(await fingerprint()).toEqual(before)
  })

  it.each(badSchemaNames)('the schema name %j is refused, and no schema made', async (schema) => {
    const before = await schemas()
    const work = async (): Promise<void> => {
      const kong: KongTask = Reflect.construct(KongTask, [{ pool: database.pool, schema }])
      await kong.migrate()
    }
    expect(await caught(work)).toMatchObject({ name: 'KongTaskError', code: 'KT_SCHEMA_NAME_INVALID' })
    expect(await schemas()).toEqual(before)
  })
})

describe('what is no transaction', () => {
  it('a pool is refused', async () => {
    const before = await fingerprint()
    const kong = new KongTask({ pool: database.pool })
    // @ts-expect-error the compiler refuses it as well
    expect(() => kong.with(database.pool)).toThrow(expect.objectContaining({ code: 'KT_NOT_A_TRANSACTION' }))
    expect(await fingerprint()).toEqual(before)
  })

  it('an idle connection is refused, before and after a transaction, and one that failed too', async () => {
    const before = await fingerprint()
    const kong = new KongTask({ pool: database.pool })
    const client = await database.pool.connect()
    try {
      const refused = { code: 'KT_NOT_A_TRANSACTION' }
      await expect(kong.with(client).addJob('mail')).rejects.toMatchObject(refused)
      await client.query('begin')
      await caught(() => client.query('select 1/0'))
      await expect(kong.with(client).addJob('mail')).rejects.toMatchObject(refused)
      await client.query('rollback')
      await expect(kong.with(client).addJobs([{ task: 'mail' }])).rejects.toMatchObject(refused)
    } finally {
      client.release()
    }
    expect(await fingerprint()).toEqual(before)
  })
})

it('good input does change the fingerprint, so it would have told', async () => {
  const before = await fingerprint()
  const kong = new KongTask({ pool: database.pool })
  await kong.addJob(mail, { to: 'ada@example.org' })
  expect(await fingerprint()).not.toEqual(before)
})
