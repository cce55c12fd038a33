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
  const values = valuesOf(statement, parameters)
  const { rows } = await db.query(forSchema(statement.text, schema), values)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- test/sql/statements.test.ts holds headers to it
  return rows as Row[]
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
