// Looking through jobs: every filter agrees with what a person would pick by hand, pages neither miss nor repeat a job,
// and a page never looks at more than it may.
import fc from 'fast-check'
import { KongTask, type Cursor, type Job, type JobFilter, type JobPage, type JobState } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let kong: KongTask

/** Jobs in every place where there are any: of several queues, days of history and the overflow, with gaps between ids. */
const POPULATION = `
  insert into kongtask.tasks (name) values ('t1'), ('t2'), ('t3');
  insert into kongtask.queues (name) values ('q1'), ('q2'), ('q3');
  select setseed(0.5);
  create temporary table made as
    select (case when n <= 250 then n * 3 else 1000000000 + n * 40000 end)::int8 as id,
           1 + floor(random() * 3)::int4 as task_id, 2 + floor(random() * 3)::int4 as queue_id,
           floor(random() * 7)::int4 as place,
           date_trunc('milliseconds', now() - random() * interval '3 h') as created_at,
           date_trunc('milliseconds', now() + (case when random() < 0.5 then -1 else 1 end) * (interval '10 m' + random() * interval '2 h')) as run_at,
           date_trunc('milliseconds', now() - random() * interval '2 h') as finished_at,
           nullif(jsonb_strip_nulls(jsonb_build_object(
             'tags', case when random() < 0.6 then to_jsonb(array['tag-' || floor(random() * 3), 'all']) end,
             'uniqueKey', case when random() < 0.4 then 'u' || floor(random() * 3) end,
             'serialKey', case when random() < 0.4 then 's' || floor(random() * 3) end,
             'parentId', case when random() < 0.3 then (1 + floor(random() * 3))::text end)), '{}') as extras,
           case when random() < 0.7 then jsonb_build_array(
             jsonb_build_object('attempt', 1, 'at', now(), 'name', 'Error', 'message', 'user "zoe" not found'),
             jsonb_build_object('attempt', 2, 'at', now(), 'name', 'Error', 'message',
               (array['timeout after 300 ms', 'user "ada" not found', 'no space left', 'Timeout'])[1 + floor(random() * 4)])) end
             as errors
      from generate_series(1, 500) n;
  insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, worker, retain_s, lane, max_attempts, payload, serial_key, extras, errors)
    select id, run_at, created_at, queue_id, task_id, place % 2, 0, 1 + 16 * (id % 2)::int, 9, to_jsonb(id),
           extras ->> 'serialKey', extras, errors from made where place in (0, 1, 2);
  insert into kongtask.dead_letters (id, run_at, created_at, finished_at, expires_at, dropped_at, queue_id, task_id, retain_s, priority, attempt, max_attempts, crashes, reason, payload, extras, errors)
    select id, run_at, created_at, finished_at, until, until, queue_id, task_id, 0, 1, 2, 9, 0, 'attempts', to_jsonb(id), extras, errors
      from made cross join lateral (
           select case id % 2 when 0 then 'infinity' else now() + (id % 30) * interval '1 day' + interval '1 h' end) as u (until)
     where place = 3;
  insert into kongtask.history (id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes, completed, payload, extras, errors, result)
    select id, run_at, created_at, finished_at, now() + (id % 9) * interval '1 day' + interval '1 h', queue_id, task_id, 1, 2, 9, 0,
           id % 2 = 0, to_jsonb(id), extras, errors, '"r"' from made where place in (4, 5);
  insert into kongtask.history_overflow (id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes, completed, payload, extras, errors)
    select id, run_at, created_at, finished_at, now() + interval '90 days', queue_id, task_id, 1, 2, 9, 0,
           id % 2 = 0, to_jsonb(id), extras, errors from made where place = 6;
  -- What has expired is there no more, whether or not it was taken away.
  insert into kongtask.history_overflow (id, run_at, created_at, finished_at, expires_at, queue_id, task_id, priority, attempt, max_attempts, crashes, completed, payload)
    select id + 1, run_at, created_at, finished_at, now() - interval '1 s', queue_id, task_id, 1, 2, 9, 0, true, '{}' from made limit 50;
  insert into kongtask.dead_letters (id, run_at, created_at, finished_at, expires_at, dropped_at, queue_id, task_id, retain_s, priority, attempt, max_attempts, crashes, reason, payload)
    select id + 1, run_at, created_at, finished_at, now() - interval '1 s', 'infinity', queue_id, task_id, 0, 1, 2, 9, 0, 'attempts', '{}'
      from made order by id desc limit 50;`

/** Every job that there is, read one by one, newest first. */
let all: readonly Job[]

beforeAll(async () => {
  database = await createTestDatabase()
  const client = await database.pool.connect()
  await client.query(POPULATION)
  const { rows } = await client.query<{ id: string }>('select id::text from made order by made.id desc')
  client.release()
  kong = new KongTask({ pool: database.pool })
  const jobs: Job[] = []
  for (const { id } of rows) {
    const job = await kong.jobs.get(id)
    if (job !== undefined) jobs.push(job)
  }
  all = jobs
})
afterAll(() => database.drop())

const list = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === 'string' ? [value] : value

/** The error's message as `groups` shows it, for the messages of this test. */
const patternOf = (message: string): string =>
  message.replaceAll(/"[^"]*"/g, '<text>').replaceAll(/\d+/g, '<n>')

function within(at: Date | undefined, range: JobFilter['createdAt']): boolean {
  if (range?.from === undefined && range?.to === undefined) return true
  if (at === undefined) return false
  return (
    (range.from === undefined || at.getTime() >= new Date(range.from).getTime()) &&
    (range.to === undefined || at.getTime() < new Date(range.to).getTime())
  )
}

/** What a person would pick. */
function fits(
  job: Job & { parentId?: string | undefined },
  filter: JobFilter,
  parents: ReadonlyMap<string, string>,
): boolean {
  const message = job.errors.at(-1)?.message
  const { error } = filter
  return (
    (filter.state === undefined || (list(filter.state) ?? []).includes(job.state)) &&
    (filter.task === undefined || (list(filter.task) ?? []).includes(job.task)) &&
    (filter.queue === undefined || (list(filter.queue) ?? []).includes(job.queue)) &&
    (filter.tag === undefined || job.tags.includes(filter.tag)) &&
    (filter.uniqueKey === undefined || job.uniqueKey === filter.uniqueKey) &&
    (filter.serialKey === undefined || job.serialKey === filter.serialKey) &&
    (filter.parentId === undefined || parents.get(job.id) === filter.parentId) &&
    (error === undefined ||
      (message !== undefined && (message.includes(error) || patternOf(message).includes(error)))) &&
    within(job.createdAt, filter.createdAt) &&
    within(job.scheduledAt, filter.scheduledAt) &&
    within(job.finishedAt, filter.finishedAt)
  )
}

async function allPages(filter: JobFilter, limit?: number, scan?: number): Promise<JobPage[]> {
  const pages: JobPage[] = []
  let after: Cursor | undefined
  do {
    const page = await kong.jobs.list(filter, { limit, scan, after })
    pages.push(page)
    after = page.next
  } while (after !== undefined)
  return pages
}

const idsOf = (pages: readonly JobPage[]): string[] => pages.flatMap(({ jobs }) => jobs.map(({ id }) => id))

const states: readonly JobState[] = ['scheduled', 'ready', 'running', 'completed', 'dead', 'cancelled']
const instant = fc.integer({ min: -240, max: 240 }).map((minutes) => new Date(Date.now() + minutes * 60_000))
const range = fc.record({ from: instant, to: instant }, { requiredKeys: [] })
const oneOrSeveral = <T>(...items: readonly T[]): fc.Arbitrary<T | T[]> =>
  fc.oneof(fc.constantFrom(...items), fc.uniqueArray(fc.constantFrom(...items), { minLength: 1 }))
const parts: fc.Arbitrary<JobFilter> = fc.oneof(
  fc.record({ state: oneOrSeveral(...states) }),
  fc.record({ task: oneOrSeveral('t1', 't2', 't3', 'unknown') }),
  fc.record({ queue: oneOrSeveral('q1', 'q2', 'q3', 'default', 'unknown') }),
  fc.record({ tag: fc.constantFrom('tag-0', 'tag-1', 'all', 'none') }),
  fc.record({ uniqueKey: fc.constantFrom('u0', 'u1', 'none') }),
  fc.record({ serialKey: fc.constantFrom('s0', 's1', 'none') }),
  fc.record({ parentId: fc.constantFrom('1', '2', '77') }),
  fc.record({
    error: fc.constantFrom('timeout', 'after <n> ms', 'user <text> not', 'ada', 'zoe', '%', 'T'),
  }),
  fc.record({ createdAt: range }),
  fc.record({ scheduledAt: range }),
  fc.record({ finishedAt: range }),
)
/** Up to three things said at once. */
const filters = fc.array(parts, { maxLength: 3 }).map((said): JobFilter => Object.assign({}, ...said))

describe('a list', () => {
  it('agrees with what a person would pick, whatever the filter and the size of a page', async () => {
    const { rows } = await database.pool.query<{ id: string; parent: string }>(`
      select id::text, extras ->> 'parentId' as parent from (
        select id, extras from kongtask.jobs union all select id, extras from kongtask.dead_letters
        union all select id, extras from kongtask.history union all select id, extras from kongtask.history_overflow) x
       where extras ? 'parentId'`)
    const parents = new Map(rows.map(({ id, parent }) => [id, parent]))
    let found = 0
    await fc.assert(
      fc.asyncProperty(
        filters,
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 60, max: 600 }),
        async (filter, limit, scan) => {
          const pages = await allPages(filter, limit, scan)
          const picked = all.filter((job) => fits(job, filter, parents)).map(({ id }) => id)
          expect(idsOf(pages)).toEqual(picked)
          for (const page of pages) {
            expect(page.jobs.length).toBeLessThanOrEqual(limit)
            expect(page.scanned).toBeLessThanOrEqual(scan)
          }
          found += picked.length
        },
      ),
      { numRuns: 60, seed: 7 },
    )
    expect(found).toBeGreaterThan(1_000)
  }, 120_000)

  it('of pages of one job, and of looks at one job, misses none', async () => {
    const live = all.filter(({ state, queue }) => state === 'ready' && queue === 'q2').map(({ id }) => id)
    const filter: JobFilter = { state: 'ready', queue: 'q2' }
    expect(idsOf(await allPages(filter, 1))).toEqual(live)
    expect(idsOf(await allPages(filter, 3, 1))).toEqual(live)
  }, 120_000)

  it('shows each job as `get` does', async () => {
    expect(all).toHaveLength(500)
    expect((await allPages({}, 1_000)).flatMap(({ jobs }) => jobs)).toEqual(all)
  })

  it('of everything has no next page where nothing is left', async () => {
    const pages = await allPages({}, 100)
    expect(pages.map(({ jobs }) => jobs.length)).toEqual([100, 100, 100, 100, 100])
  })

  it('that finds nothing ends after what it may look at, with a page to go on from', async () => {
    const page = await kong.jobs.list({ tag: 'none' }, { scan: 100 })
    expect(page).toMatchObject({ jobs: [], scanned: 100 })
    expect(page.next).toBeDefined()
  })

  it('does not miss jobs that are moved on between two pages', async () => {
    const first = await kong.jobs.list({ queue: 'q1' }, { limit: 10 })
    const rest = all.filter(({ queue }) => queue === 'q1').map(({ id }) => id)
    const moved = rest.slice(12, 20)
    const client = await database.pool.connect()
    await client.query('begin')
    await client.query("update kongtask.jobs set run_at = run_at + interval '5 h' where id = any ($1)", [
      moved,
    ])
    await client.query('commit')
    client.release()
    const second = await kong.jobs.list({ queue: 'q1' }, { limit: 1_000, after: first.next })
    expect([...first.jobs, ...second.jobs].map(({ id }) => id)).toEqual(rest)
  })
})

it('a list over ids with gaps of every size misses none', async () => {
  await using gaps = await createTestDatabase()
  await gaps.pool.query(`insert into kongtask.tasks (name) values ('work'), ('other')`)
  await gaps.pool.query(
    `insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
     select n, now(), now(), 1, 1 + (n % 3 > 0)::int, 0, 1, 25, '{}' from generate_series(1, 30000) n where n % 7 <> 0 and n % 5 <> 0 and n % 1000 < 800`,
  )
  const { rows } = await gaps.pool.query<{ id: string }>(
    'select id::text from kongtask.jobs where task_id = 1 order by jobs.id desc',
  )
  const listing = new KongTask({ pool: gaps.pool })
  const found: string[] = []
  let after: Cursor | undefined
  do {
    const page = await listing.jobs.list({ task: 'work' }, { limit: 100, after })
    found.push(...page.jobs.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  expect(found).toEqual(rows.map(({ id }) => id))
})
