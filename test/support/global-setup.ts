import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../src/embedded/embedded.ts'
import { memoryFolder } from './memory-folder.ts'
import { dropDatabasesOf } from './run-databases.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A user who may create databases. */
    readonly adminConnectionString: string
    /** The start of the names of all databases of this run. */
    readonly databasePrefix: string
    /** Of the pooler on loopback that stands before the server. Null where there is none. */
    readonly poolerPort: number | null
  }
}

/** One server for the whole run: that of TEST_DATABASE_URL, else one of our own, which ends with the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The processes of the tests inherit it, and their servers with them.
  const memory = await memoryFolder()
  if (memory !== undefined) process.env['TMPDIR'] ??= memory
  const given = process.env['TEST_DATABASE_URL']
  const own = given === undefined || given === '' ? await startPostgres({ durable: false }) : undefined
  const admin = own?.connectionString ?? given ?? ''
  const prefix = `kongtask_test_${randomBytes(4).toString('hex')}`
  project.provide('adminConnectionString', admin)
  project.provide('databasePrefix', prefix)
  const pooler = process.env['TEST_POOLER_PORT'] ?? ''
  project.provide('poolerPort', pooler === '' ? null : Number(pooler))
  return async () => {
    if (own === undefined) await dropDatabasesOf(prefix, admin)
    await own?.stop()
  }
}
