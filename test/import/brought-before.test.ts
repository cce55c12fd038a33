// Who dies between the two commits of an import leaves jobs in both places: here they are put back there by hand.
import { describe, expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { loadFixture } from './fixture.ts'

const TABLES = { 'pg-boss': 'pgboss.job', bullmq: 'bullmq.job' } as const

interface Moved {
  readonly moved: number
  readonly before: number
  readonly left: number
}

async function imported(system: string, ours: TestDatabase, from?: TestDatabase): Promise<Moved> {
  const { stdout } = await perform([
    'import',
    system,
    '--json',
    '--database-url',
    ours.connectionString,
    ...(from === undefined ? [] : ['--from', from.connectionString]),
  ])
  const { moved, before, left }: Moved = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  return { moved, before, left }
}

describe.each(['pg-boss', 'bullmq'] as const)('an import of %s', (system) => {
  it.each([
    { title: 'from another database', isOther: true },
    { title: 'with --from that names our own, and then without', isOther: false },
  ])('brings nothing twice $title', async ({ isOther }) => {
    await using ours = await createTestDatabase()
    await using other = await createTestDatabase({ migrated: false })
    const theirs = isOther ? other : ours
    await loadFixture(system, theirs.connectionString)
    await theirs.pool.query(`create table public.brought as table ${TABLES[system]}`)
    const first = await imported(system, ours, theirs)
    expect(first.moved).toBeGreaterThan(5)
    const stayed = await theirs.pool.query(`select id from ${TABLES[system]} order by id`)
    await theirs.pool.query(
      `insert into ${TABLES[system]} select * from public.brought on conflict do nothing`,
    )
    expect(await imported(system, ours, isOther ? theirs : undefined)).toEqual({
      moved: 0,
      before: first.moved,
      left: first.left,
    })
    expect((await theirs.pool.query(`select id from ${TABLES[system]} order by id`)).rows).toEqual(
      stayed.rows,
    )
    const { rows } = await ours.pool.query('select from kongtask.jobs')
    expect(rows).toHaveLength(first.moved)
  })
})
