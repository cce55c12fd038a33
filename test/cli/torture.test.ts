import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { perform } from './streams.ts'

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  folder = await mkdtemp(join(tmpdir(), 'kongtask-report-'))
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

it('kongtask torture --json prints one object, and writes the page; what restarts the server is left out', async () => {
  const report = join(folder, 'report.html')
  const what =
    'torture --scenario restart,backends --duration 1s --seed 7 --workers 2 --lease 2s --json'.split(' ')
  const where = ['--database-url', database.connectionString, '--report', report]
  const { exitCode, stdout, stderr } = await perform([...what, ...where])
  expect(stderr).toBe('')
  const rate = expect.any(Number)
  expect(JSON.parse(stdout)).toEqual({
    seed: 7,
    ok: true,
    postgres: expect.stringMatching(/^\d+\.\d+$/),
    lease: 2_000,
    scenarios: [
      {
        name: 'backends',
        jobs: expect.any(Number),
        lost: 0,
        doubleCommitted: 0,
        buried: 0,
        recoveryMs: { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) },
        recoveryLimitMs: null,
        recovered: expect.any(Number),
        injuries: expect.any(Number),
        rateBefore: rate,
        rateDuring: rate,
        rateAfter: rate,
        limit: {
          limit: 3,
          leases: expect.any(Number),
          looks: expect.any(Number),
          atOnce: expect.any(Number),
        },
        errors: [],
      },
    ],
    leftOut: [{ name: 'restart', why: expect.stringContaining('throwaway') }],
    report,
  })
  expect(exitCode).toBe(0)
  expect(await readFile(report, 'utf8')).toContain('<h2>backends</h2>')
})

it('kongtask torture tells what came of it where the page cannot be written after all', async () => {
  const what = 'torture --scenario backends --duration 1s --seed 7 --workers 2 --lease 2s --json'.split(' ')
  // It can be opened, and takes nothing.
  const where = ['--database-url', database.connectionString, '--report', '/dev/full']
  const { exitCode, stdout, stderr } = await perform([...what, ...where])
  expect(JSON.parse(stdout)).toMatchObject({ seed: 7, ok: true, report: null })
  expect(stderr).toMatch(/^The page could not be written: ENOSPC/)
  expect(exitCode).toBe(1)
})
