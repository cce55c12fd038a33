// docs/guide/, "Being sure": tests that stand on the pages. They are run where they are imported, by this file.
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { guidePage } from './guide-page.ts'

const units = await guidePage('unit-tests')
const integrations = await guidePage('integration-tests')

describe('docs/guide/unit-tests.md', async () => {
  await units.load('send-email.test.ts')
})

describe('docs/guide/integration-tests.md', async () => {
  let database: TestDatabase
  const before = process.env['DATABASE_URL']
  // Its worker logs as in production.
  const written = vi.spyOn(process.stdout, 'write')

  beforeAll(async () => {
    written.mockReturnValue(true)
    database = await createTestDatabase({ migrated: false })
    process.env['DATABASE_URL'] = database.connectionString
  })

  afterAll(async () => {
    written.mockRestore()
    if (before === undefined) delete process.env['DATABASE_URL']
    else process.env['DATABASE_URL'] = before
    await database.drop()
  })

  await integrations.load('task-integration.test.ts')
  await integrations.load('task-on-a-server.test.ts')
})
