import type { Queryable } from './db.ts'

/** One statement of sql/queries, with the types that its header promises (test/sql holds it to them). */
export interface Statement<Parameters, Row> {
  readonly name: string
  /** Written against the schema `kongtask.`. */
  readonly text: string
  readonly parameters: readonly (readonly [name: keyof Parameters & string, type: string])[]
  readonly columns: readonly (readonly [name: string, type: string])[]
  /** Carries the row's type; never set. */
  readonly row?: Row
}

/** The rows of a statement. */
export type RowOf<S> = S extends Statement<infer _Parameters, infer Row> ? Row : never

/** Text for one schema. The name was checked (core/names.ts) and is quoted all the same. */
export function forSchema(text: string, schema: string): string {
  return text
    .replaceAll('"kongtask"', `"${schema}"`)
    .replaceAll('kongtask.', `"${schema}".`)
    .replaceAll('kongtask:', `${schema}:`)
}

/** Runs a statement and trusts its rows to be what its header says: the one place where that trust is given. */
export async function runStatement<Parameters, Row>(
  db: Queryable,
  schema: string,
  statement: Statement<Parameters, Row>,
  parameters: Parameters,
): Promise<Row[]> {
  const { text } = inSchema(statement, schema)
  const { rows } = await db.query(text, valuesOf(statement, parameters))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- test/sql/statements.test.ts holds headers to it
  return rows as Row[]
}

/**
 * The same for a statement that is run all the time: connections of ours may keep it prepared (pg-database.ts). The plan
 * must be the same whatever the values, as that of a call of a function is.
 */
export async function runPrepared<Parameters, Row>(
  db: Queryable,
  schema: string,
  statement: Statement<Parameters, Row>,
  parameters: Parameters,
): Promise<Row[]> {
  const { text, name } = inSchema(statement, schema)
  const { rows } = await db.query(text, valuesOf(statement, parameters), name)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- test/sql/statements.test.ts holds headers to it
  return rows as Row[]
}

/** A statement as it is sent. */
interface Written {
  readonly text: string
  readonly name: string
}

const written = new WeakMap<object, Map<string, Written>>()

/** With what it is called by where connections keep it prepared. */
export function inSchema(statement: Statement<never, unknown>, schema: string): Written {
  let bySchema = written.get(statement)
  if (bySchema === undefined) written.set(statement, (bySchema = new Map<string, Written>()))
  let found = bySchema.get(schema)
  if (found === undefined) {
    const text = forSchema(statement.text, schema)
    bySchema.set(schema, (found = { text, name: `kongtask_${statement.name}_${fingerprint(text)}` }))
  }
  return found
}

/**
 * 16 hexadecimal digits, FNV-1a. Behind a pooler, processes of different versions and schemas meet on one connection: what
 * they prepared under one name must be one text.
 */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}

export function valuesOf<Parameters, Row>(
  statement: Statement<Parameters, Row>,
  parameters: Parameters,
): unknown[] {
  return statement.parameters.map(([name, type]) => asParameter(parameters[name], type))
}

/**
 * Arrays of numbers and places travel as PostgreSQL's own text, which every driver passes on as it is; node-postgres would
 * quote and escape each element.
 */
function asParameter(value: unknown, type: string): unknown {
  if (!Array.isArray(value)) return value
  if (type === 'tid[]') return value.length === 0 ? '{}' : `{"${value.join('","')}"}`
  return type.startsWith('int') ? `{${value.join(',')}}` : value
}
