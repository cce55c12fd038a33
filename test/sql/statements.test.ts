// Every statement of sql/queries against a migrated schema: that it can be prepared, and that its header says what
// PostgreSQL says. `runStatement` trusts the headers on the strength of this file.
import { Client, type Connection, type FieldDef, type Submittable } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { forSchema } from '../../src/store/statement.ts'
import * as generated from '../../src/store/statements.generated.ts'
import { createStore } from '../../src/store/store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/wait.ts'

/** No schema "kongtask" exists here, so whatever still says `kongtask.` fails. */
const SCHEMA = 'work_of_apes'

interface Header {
  readonly name: string
  readonly text: string
  readonly parameters: readonly (readonly [name: string, type: string])[]
  readonly columns: readonly (readonly [name: string, type: string])[]
}

const statements: readonly Header[] = Object.values(generated)

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  await createStore(pgDatabase(database.pool, 20_000), SCHEMA).migrate()
  client = new Client({ connectionString: database.connectionString })
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

/** Has a statement parsed and described by the server, which runs nothing. */
class Description implements Submittable {
  readonly columns: Promise<readonly FieldDef[]>
  readonly #name: string
  readonly #text: string
  #found: readonly FieldDef[] = []
  #resolve: (columns: readonly FieldDef[]) => void = () => undefined
  #reject: (error: Error) => void = () => undefined

  constructor(name: string, text: string) {
    this.#name = name
    this.#text = text
    this.columns = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    connection.parse({ name: this.#name, text: this.#text, types: [] }, true)
    connection.describe({ type: 'S', name: this.#name }, true)
    connection.sync()
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.#found = fields
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#found)
  }

  handleError(error: Error): void {
    this.#reject(error)
  }
}

async function typesOf(name: string): Promise<unknown> {
  const { rows } = await client.query<{ types: unknown }>(
    'select parameter_types::text[] as types from pg_prepared_statements where name = $1',
    [name],
  )
  return rows[0]?.types
}

/** Types by their full names, as PostgreSQL writes them: of `int4` or of an OID. */
async function spelledOut(types: readonly (string | number)[]): Promise<unknown> {
  const { rows } = await client.query<{ types: unknown }>('select $1::regtype[]::text[] as types', [
    types.map(String),
  ])
  return rows[0]?.types
}

describe('every statement', () => {
  it.each(statements)('$name can be prepared, and its header tells the truth', async (statement) => {
    const { name, text, parameters, columns } = statement
    const described = await client.query(new Description(name, forSchema(text, SCHEMA))).columns

    expect(await typesOf(name), 'parameters').toEqual(await spelledOut(parameters.map(([, type]) => type)))
    expect(described.map((column) => column.name)).toEqual(columns.map(([column]) => column))
    expect(await spelledOut(described.map(({ dataTypeID }) => dataTypeID)), 'columns').toEqual(
      await spelledOut(columns.map(([, type]) => type)),
    )
  })

  it('names no schema but the one it is made for', () => {
    for (const { name, text } of statements) expect(forSchema(text, SCHEMA), name).not.toContain('kongtask')
  })

  it('has a name of its own', () => {
    expect(new Set(statements.map(({ name }) => name)).size).toBe(statements.length)
    expect(statements.length).toBeGreaterThan(20)
  })
})

describe('every function of the schema', () => {
  it('names no schema but its own, in its body either, which is not looked at before it runs', async () => {
    const { rows } = await client.query(
      `select p.proname from pg_proc p
        where p.pronamespace = $1::regnamespace and pg_get_functiondef(p.oid) ~ 'kongtask'`,
      [SCHEMA],
    )
    expect(rows).toEqual([])
  })
})

// Preparing DDL says no more than that it can be parsed, so these run. `create_schema` has run above.
describe('the statements about one day of history', () => {
  const day = '20200102'
  const onDay = ({ text }: Header): string => forSchema(text, SCHEMA).replaceAll('00000000', day)

  async function addDay(): Promise<void> {
    await client.query(`create table ${SCHEMA}.history_${day} partition of ${SCHEMA}.history
      for values from ('2020-01-02 00:00+00') to ('2020-01-03 00:00+00')`)
  }

  async function expiredDays(): Promise<unknown> {
    return (await client.query(forSchema(generated.readExpiredDays.text, SCHEMA))).rows
  }

  it('take it out of history and forget it', async () => {
    await addDay()
    expect(await expiredDays()).toEqual([{ day, attached: true, pending: false }])
    await client.query(onDay(generated.detachHistoryDay))
    expect(await expiredDays()).toEqual([{ day, attached: false, pending: false }])
    await client.query(onDay(generated.dropHistoryDay))
    expect(await expiredDays()).toEqual([])
    await client.query(onDay(generated.dropHistoryDay))
  })

  it('finish what was interrupted', async () => {
    await addDay()
    const reader = await database.pool.connect()
    try {
      // Detaching waits for whoever reads the day, and is killed while it waits.
      await reader.query('begin')
      await reader.query(`select from ${SCHEMA}.history`)
      const other = await database.pool.connect()
      const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid')
      const detaching = other.query(onDay(generated.detachHistoryDay)).finally(() => other.release(true))
      const cancelled = expect(detaching).rejects.toMatchObject({ code: '57014' })
      await eventually(async () => {
        expect(await expiredDays()).toEqual([{ day, attached: true, pending: true }])
      })
      await client.query('select pg_cancel_backend($1)', [rows[0]?.pid])
      await cancelled
    } finally {
      await reader.query('rollback')
      reader.release()
    }
    expect(await expiredDays()).toEqual([{ day, attached: true, pending: true }])
    await client.query(onDay(generated.finalizeHistoryDay))
    expect(await expiredDays()).toEqual([{ day, attached: false, pending: false }])
    await client.query(onDay(generated.dropHistoryDay))
  })
})

describe('listening', () => {
  it('hears of this schema what this schema says', async () => {
    const heard: unknown[] = []
    client.on('notification', ({ channel, payload }) => heard.push([channel, payload]))
    await client.query(forSchema(generated.listen.text, SCHEMA))
    const [added] = await createStore(pgDatabase(database.pool, 20_000), SCHEMA).insertJobs([
      { task: 'work', payload: '{}' },
    ])
    expect(added).toMatchObject({ status: 'added' })
    await eventually(() => {
      expect(heard).toEqual([[`${SCHEMA}:ready`, '1']])
    })
  })
})
