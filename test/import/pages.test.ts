import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exportLines } from '../../src/export/export.ts'
import type { ForeignJob } from '../../src/import/foreign-job.ts'
import { importFile, SOURCES, type SourceName } from '../../src/import/import.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { loadFixture } from './fixture.ts'

const UNBOUNDED = { limit: 500, mostText: 2 ** 30 }
const SYSTEMS: readonly SourceName[] = ['graphile-worker', 'pg-boss', 'bullmq']

async function pagesOf(
  system: SourceName,
  { pool }: TestDatabase,
  size: typeof UNBOUNDED,
): Promise<(readonly ForeignJob[])[]> {
  const on = pgDatabase(pool, 30_000)
  const pages: (readonly ForeignJob[])[] = []
  let after: unknown
  for (;;) {
    const { jobs, next } = await SOURCES[system]().takeJobs(on, { since: SINCE, after, ...size })
    if (jobs.length === 0) return pages
    pages.push(jobs)
    after = next
  }
}
const SINCE = new Date('2050-01-01')

const placesOf = (jobs: readonly ForeignJob[]): string[] => jobs.map(({ place }) => place.join('/'))

describe.each(SYSTEMS)('pages of jobs of %s', (system) => {
  it('have each job once, however short they are, and end where payloads have become large', async () => {
    await using database = await createTestDatabase({ migrated: false })
    await loadFixture(system, database.connectionString)
    if (system === 'pg-boss') {
      await database.pool.query(`
        insert into pgboss.job (id, name, data)
        select '00000000-0000-4000-8000-000000000001', name, '{}' from pgboss.queue where policy = 'standard'`)
    }
    const [whole = []] = await pagesOf(system, database, UNBOUNDED)
    expect(whole.length).toBeGreaterThan(8)
    const single = await pagesOf(system, database, { ...UNBOUNDED, limit: 1 })
    expect(single.map(placesOf)).toEqual(placesOf(whole).map((place) => [place]))
    const bounded = await pagesOf(system, database, { ...UNBOUNDED, mostText: 30 })
    expect(placesOf(bounded.flat())).toEqual(placesOf(whole))
    expect(bounded.length).toBeGreaterThan(2)
    for (const page of bounded) {
      const text = page.slice(0, -1).map(({ payload }) => payload)
      expect(text.join('').length).toBeLessThan(30 + '{}'.length)
    }
  })
})

it('files are imported, and jobs exported, in pieces that fit into memory', async () => {
  await using database = await createTestDatabase()
  const { connectionString } = database
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-pages-'))
  try {
    const file = join(folder, 'jobs.ndjson')
    const large = 'x'.repeat(3 * 1024 * 1024)
    await writeFile(file, [1, 2, 3].map((n) => `{"task":"a","payload":{"n":${n},"x":"${large}"}}\n`).join(''))
    const steps: number[] = []
    await importFile({
      connectionString,
      encryption: undefined,
      tasks: [],
      queues: [],
      dryRun: false,
      file,
      redrive: false,
      onProgress: (done) => void steps.push(done),
    })
    expect([...new Set(steps)]).toEqual([2, 3])
    const sizes: number[] = []
    for await (const page of exportLines({ connectionString, filter: {} })) sizes.push(page.length)
    expect(sizes).toEqual([2, 1])
  } finally {
    await rm(folder, { recursive: true })
  }
})
