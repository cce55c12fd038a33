import { inject } from 'vitest'
import { connectionStringFor, withClient } from './run-databases.ts'

/** Makes a database what a migrated one is. Loaded when needed: most tests of the launcher are not about tables. */
async function migrateTemplate(connectionString: string): Promise<void> {
  const { KongTask } = await import('../../src/index.ts')
  const kong = new KongTask({ connectionString })
  try {
    await kong.migrate()
  } finally {
    await kong.close()
  }
}

/**
 * The name of a migrated database to clone, made by the first test of the run that asks. The workers of vitest are
 * processes of their own, so they take turns by a lock in the database.
 */
export async function migratedTemplate(): Promise<string> {
  const admin = inject('adminConnectionString')
  const prefix = inject('databasePrefix')
  const template = `${prefix}_template`
  const draft = `${prefix}_draft`
  await withClient(admin, async (client) => {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [template])
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template])
    if (rowCount !== 0) return

    await client.query(`drop database if exists ${draft} with (force)`)
    await client.query(`create database ${draft}`)
    await migrateTemplate(connectionStringFor(draft, admin))
    // Nobody can connect any more, because a database that somebody is connected to cannot be cloned.
    await client.query(`alter database ${draft} with allow_connections false`)
    // Only now under its name, so that no migration that failed halfway is ever taken for a template.
    await client.query(`alter database ${draft} rename to ${template}`)
  })
  return template
}
