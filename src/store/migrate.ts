import { KongTaskError } from '../core/errors.ts'
import type { Database } from './database.ts'
import type { Queryable } from './db.ts'
import type { Migration } from './migration.ts'
import { migrations as shipped } from './migrations.generated.ts'
import {
  createSchema,
  lockMigrations,
  readMigrations,
  readSchema,
  recordMigration,
} from './statements.generated.ts'
import { forSchema, runStatement } from './statement.ts'

/** The oldest major version of PostgreSQL that works. */
export const OLDEST_SERVER = 14

/**
 * Brings the schema up to date, or does nothing. Safe when any number of processes start at once: each step is its
 * own transaction under a lock, and whoever comes second finds it applied. A step takes as long as it takes, whatever the
 * deadline of calls, and so does the wait for others' steps, until `signal` aborts: what was done of a step is undone then.
 *
 * @throws KT_SCHEMA_FOREIGN where the schema holds somebody else's tables, KT_SCHEMA_TOO_NEW where it was changed by
 * newer code in a way that this code cannot work with, KT_DATABASE_VERSION before PostgreSQL 14.
 */
export async function migrate(
  database: Database,
  schema: string,
  {
    migrations = shipped,
    signal,
  }: { readonly migrations?: readonly Migration[]; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const newest = migrations.length - 1
  let applied = await appliedMigrations(database, schema, migrations)
  while (applied < newest) {
    await database.longTransaction(async (tx) => {
      await runStatement(tx, schema, lockMigrations, {})
      applied = await appliedMigrations(tx, schema, migrations)
      const next = migrations[applied + 1]
      if (next === undefined) return
      if (next.number === 0) await runStatement(tx, schema, createSchema, {})
      await tx.script(forSchema(next.sql, schema))
      await runStatement(tx, schema, recordMigration, next)
      applied = next.number
    }, signal)
  }
}

/** What `migrate` would do, and what is done. */
export interface MigrationPlan {
  readonly schema: string
  readonly applied: readonly MigrationName[]
  readonly pending: readonly PendingMigration[]
}

export interface MigrationName {
  readonly number: number
  readonly name: string
}

export interface PendingMigration extends MigrationName {
  /** Older code cannot work with the database any more. */
  readonly breaking: boolean
  /** The whole step with its transaction, lock and record, as psql takes it. */
  readonly sql: string
}

/** Writes nothing. @throws as `migrate` */
export async function planMigrations(database: Queryable, schema: string): Promise<MigrationPlan> {
  return planFrom(schema, await appliedMigrations(database, schema, shipped))
}

/** For a database that has nothing of ours. */
export function planOfAll(schema: string): MigrationPlan {
  return planFrom(schema, -1)
}

function planFrom(schema: string, applied: number): MigrationPlan {
  const names = shipped.slice(0, applied + 1).map(({ number, name }) => ({ number, name }))
  const pending = shipped.slice(applied + 1).map((migration) => {
    const { number, name, breaking } = migration
    return { number, name, breaking, sql: scriptOf(migration, schema) }
  })
  return { schema, applied: names, pending }
}

function scriptOf({ number, name, breaking, sql }: Migration, schema: string): string {
  const facts: Readonly<Record<string, string>> = {
    number: String(number),
    name: `'${name}'`,
    breaking: String(breaking),
  }
  // Numbers and names are ours, and need no quoting.
  const record = recordMigration.parameters.reduce(
    (text, [parameter], index) => text.replace(`$${index + 1}`, facts[parameter] ?? 'null'),
    recordMigration.text,
  )
  const steps = [
    'begin',
    lockMigrations.text,
    ...(number === 0 ? [createSchema.text] : []),
    sql.trim().replace(/;$/, ''),
    record,
    'commit',
  ]
  return steps.map((step) => `${forSchema(step, schema).trim().replace(/;$/, '')};\n`).join('\n')
}

/** Refuses a database that this code must not touch. For those who do not migrate. */
export async function checkSchema(database: Database, schema: string): Promise<void> {
  const applied = await appliedMigrations(database, schema, shipped)
  if (applied < shipped.length - 1) {
    throw new KongTaskError(
      'KT_NOT_MIGRATED',
      `The schema "${schema}" is at migration ${applied}, this code needs ${shipped.length - 1}. Run kong.migrate(), or start the runner without \`migrate: false\`.`,
    )
  }
}

/** The number of the newest migration that is applied, -1 where there is none. */
async function appliedMigrations(
  db: Queryable,
  schema: string,
  known: readonly Migration[],
): Promise<number> {
  const [found] = await runStatement(db, schema, readSchema, { schema })
  if (found === undefined)
    throw new KongTaskError('KT_CONNECTION_INVALID', 'The database answered a query with no row.')
  if (found.version < OLDEST_SERVER * 10_000) {
    const version = `${Math.trunc(found.version / 10_000)}.${found.version % 100}`
    throw new KongTaskError(
      'KT_DATABASE_VERSION',
      `KongTask needs PostgreSQL ${OLDEST_SERVER} or later; this server is ${version}.`,
    )
  }
  if (!found.ours) {
    if (!found.occupied) return -1
    throw new KongTaskError(
      'KT_SCHEMA_FOREIGN',
      `The schema "${schema}" holds tables or functions that are not KongTask's. Give KongTask a schema of its own: { schema: 'kongtask' }.`,
    )
  }
  const applied = await runStatement(db, schema, readMigrations, {})
  const strange = applied.filter((row) => row.number >= known.length)
  const breaking = strange.find((row) => row.breaking)
  if (breaking !== undefined) {
    throw new KongTaskError(
      'KT_SCHEMA_TOO_NEW',
      `The schema "${schema}" was changed by newer code (migration ${breaking.number}, ${breaking.name}) in a way that this version cannot work with. Deploy the newer version of kongtask here too.`,
    )
  }
  return applied.length - 1
}
