import { KongTaskError } from '../core/errors.ts'
import type { Queryable } from '../store/db.ts'
import { runStatement, type Statement } from '../store/statement.ts'
import { hasTable } from './statements.generated.ts'

/** The tables of another system. */
export interface ForeignTables {
  /** `graphile-worker` */
  readonly system: string
  /** The schema that the statements of sql/imports are written against. */
  readonly written: string
  /** The one where the tables are. */
  readonly schema: string
}

/** Runs a statement of sql/imports. */
export function ask<Parameters, Row>(
  on: Queryable,
  { written, schema }: ForeignTables,
  statement: Statement<Parameters, Row>,
  parameters: Parameters,
): Promise<Row[]> {
  const text = statement.text.replaceAll(`${written}.`, () => `${quoted(schema)}.`)
  return runStatement(on, 'kongtask', { ...statement, text }, parameters)
}

export interface Expected {
  readonly table: string
  readonly version: Statement<object, { readonly version: number }>
  /** Of the tables, both included. */
  readonly from: number
  readonly to: number
  /** The package's version that makes the newest of them. */
  readonly made: string
}

/** @throws KT_IMPORT_SOURCE_NOT_FOUND, KT_IMPORT_SOURCE_VERSION */
export async function checkTables(on: Queryable, tables: ForeignTables, expected: Expected): Promise<void> {
  const { system, schema } = tables
  const { table, version, from, to, made } = expected
  const [answer] = await runStatement(on, 'kongtask', hasTable, { name: `${quoted(schema)}.${table}` })
  if (answer?.found !== true) {
    throw new KongTaskError(
      'KT_IMPORT_SOURCE_NOT_FOUND',
      `There is no ${system} here: the database has no table ${schema}.${table}.`,
    )
  }
  const [row] = await ask(on, tables, version, {})
  const found = row?.version ?? 0
  if (found >= from && found <= to) return
  const known = from === to ? `version ${to}` : `versions ${from} to ${to}`
  throw new KongTaskError(
    'KT_IMPORT_SOURCE_VERSION',
    `The tables of ${system} in the schema ${schema} are of version ${found}; known are ${known}, which ${system} ${made} has.`,
  )
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
