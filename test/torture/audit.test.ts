// The auditor must see what is wrong. Jobs are really run; then the record of them is doctored.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runOnce } from '../../src/runner/runner.ts'
import { audit, type Audit } from '../../src/torture/audit.ts'
import { Ground } from '../../src/torture/ground.ts'
import { EFFECT, LIMITED, SLOTS, WIDE } from '../../src/torture/load.ts'
import { recoveries } from '../../src/torture/measure.ts'
import { tasksOf } from '../../src/torture/tasks.ts'
import { silent } from '../journeys/journey-logger.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'

let database: TestDatabase
let ground: Ground
let scenario = 0

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  ground = await Ground.open(database.connectionString)
})
afterAll(async () => {
  await ground.close()
  await database.drop()
})

const exact = (queue: string, ms = 1) => ({
  task: EFFECT,
  queue,
  isExact: true,
  payload: { isExact: true, ms, linger: 0 },
})
const plain = { task: EFFECT, queue: WIDE, isExact: false, payload: { isExact: false, ms: 1, linger: 0 } }

/** Each test is a scenario of its own. */
async function runJobs(jobs: Parameters<Ground['add']>[1]): Promise<string[]> {
  await ground.add(scenario, jobs)
  const { connectionString } = database
  const orders = { process: 1, connectionString, names: ground.names, version: 'old', lease: 3_000 } as const
  await runOnce({
    connectionString,
    schema: ground.names.kong,
    tasks: tasksOf(orders),
    queues: SLOTS,
    logger: silent,
    migrate: false,
  })
  const rows = await ground.query<{ job: string }>(
    `select job::text from ${ground.names.record}.added where scenario = $1 order by job`,
    [scenario],
  )
  return rows.map(({ job }) => job)
}

const look = (mayBury = false): Promise<Audit> =>
  audit((text, values) => ground.query(text, values), {
    names: ground.names,
    scenario,
    limitedQueue: LIMITED,
    limit: 2,
    mayBury,
  })

const doctor = (text: string, values: unknown[] = []): Promise<unknown> =>
  ground.query(
    text.replaceAll('record.', `${ground.names.record}.`).replaceAll('kong.', `${ground.names.kong}.`),
    values,
  )

/** As if it had never taken effect. */
const putAway = (job: string | undefined, reason: 'attempts' | 'crashes'): Promise<unknown> =>
  doctor(
    `with gone as (delete from kong.history where id = $1 returning *),
     undone as (delete from record.effects where job = $1)
     insert into kong.dead_letters (id, run_at, created_at, finished_at, expires_at, dropped_at, queue_id, task_id, retain_s,
                                    priority, attempt, max_attempts, crashes, reason, payload)
     select id, run_at, created_at, finished_at, 'infinity', 'infinity', queue_id, task_id, 0,
            priority, attempt, max_attempts, 3, $2, payload from gone`,
    [job, reason],
  )

beforeEach(() => {
  scenario += 1
})

describe('the auditor', () => {
  it('finds nothing where nothing is wrong', async () => {
    await runJobs([exact(WIDE), exact(LIMITED), plain])
    expect(await look()).toEqual({ jobs: 3, lost: [], doubled: [], buried: [], mostAtOnce: 1, findings: [] })
  })

  it('sees a job that took no effect as lost', async () => {
    const [first, second] = await runJobs([exact(WIDE), plain])
    await doctor('delete from record.effects where job = any($1)', [[first, second]])
    expect(await look()).toMatchObject({ jobs: 2, lost: [first, second], doubled: [] })
  })

  it('sees an effect that was committed twice', async () => {
    const [first] = await runJobs([exact(WIDE), exact(WIDE)])
    await doctor('insert into record.effects select * from record.effects where job = $1', [first])
    expect(await look()).toMatchObject({ lost: [], doubled: [first] })
  })

  it('does not take the second effect of a job for doubled that promises none but the first', async () => {
    const [first] = await runJobs([plain])
    await doctor('insert into record.effects select * from record.effects where job = $1', [first])
    expect(await look()).toMatchObject({ lost: [], doubled: [], findings: [] })
  })

  it('sees a job that ended twice', async () => {
    const [first] = await runJobs([plain])
    await doctor('insert into kong.history select * from kong.history where id = $1', [first])
    expect(await look()).toMatchObject({ doubled: [first] })
  })

  it('sees a job that is gone without a trace, although it took effect', async () => {
    const [first] = await runJobs([exact(WIDE)])
    await doctor('delete from kong.history where id = $1', [first])
    expect(await look()).toMatchObject({
      lost: [],
      findings: [`1 jobs are gone without a trace: ${first}`],
    })
  })

  it('sees a job that never came to an end', async () => {
    await ground.add(scenario, [exact('torture_that_nobody_serves')])
    const { lost, findings } = await look()
    expect(lost).toHaveLength(1)
    expect(findings).toEqual([`1 jobs never came to an end: ${lost[0]}`])
  })

  it('sees a dead letter, and that its job took no effect', async () => {
    const [first] = await runJobs([exact(WIDE), exact(WIDE)])
    await putAway(first, 'attempts')
    // Whatever may be buried: this was not.
    expect(await look(true)).toMatchObject({
      lost: [first],
      buried: [],
      findings: [`1 jobs became dead letters: ${first}`],
    })
  })

  it('counts a job that was buried as a poison pill, and sees it where no process was taken away', async () => {
    const [first] = await runJobs([exact(WIDE), exact(WIDE)])
    await putAway(first, 'crashes')
    expect(await look()).toMatchObject({
      lost: [],
      buried: [first],
      findings: [`1 jobs were buried as poison pills, where none may be: ${first}`],
    })
  })

  it('lets one job of a hundred be buried where processes are taken away, and no more', async () => {
    const [first, second] = await runJobs(Array.from({ length: 100 }, () => exact(WIDE)))
    await putAway(first, 'crashes')
    expect(await look(true)).toMatchObject({ lost: [], buried: [first], findings: [] })
    await putAway(second, 'crashes')
    expect(await look(true)).toMatchObject({
      lost: [],
      buried: [first, second],
      findings: [`2 jobs were buried as poison pills, where 1 % may be: ${first} ${second}`],
    })
  })

  it('sees an effect of an execution of another job', async () => {
    const [first, second] = await runJobs([exact(WIDE), exact(WIDE)])
    await doctor('update record.starts set job = $1 where job = $2', [first, second])
    expect((await look()).findings).toEqual([expect.stringMatching(/^1 jobs took effect although/)])
    await doctor('delete from record.effects where job = $1', [second])
  })

  it('sees more of a limited queue under way at once than its limit', async () => {
    await runJobs([exact(LIMITED), exact(LIMITED), exact(LIMITED)])
    expect(await look()).toMatchObject({ findings: [] })
    await doctor(
      `update record.starts set at = (select min(e.at) from record.effects e join record.added a using (job) where a.scenario = $1) - interval '1 s'
        where job in (select job from record.added where scenario = $1)`,
      [scenario],
    )
    expect(await look()).toMatchObject({
      mostAtOnce: 3,
      findings: ['3 jobs of the queue torture_limited ran at once, its limit is 2.'],
    })
  })

  it.each([
    // Without its completion: that was another process's.
    ['an effect', () => exact(WIDE), `update kong.history set result = '"0"' where id = $1`],
    ['a completion', () => exact(WIDE), `update record.effects set at = at - interval '10 s' where job = $1`],
    ['a settlement', () => plain, undefined],
  ])('sees %s by a process that had lost the job', async (_, job, half) => {
    const [first] = await runJobs([job()])
    if (half !== undefined) await doctor(half, [first])
    // It was hurt between the start and the effect, and was back before the latter.
    await doctor(`update record.starts set at = at - interval '1 s' where job = $1`, [first])
    await doctor(
      `with hurt as (
         insert into record.injuries (scenario, what, process, at, healed_at)
         select $2, 'suspended', 1, s.at + interval '1 ms', s.at + interval '2 ms' from record.starts s where s.job = $1
         returning injury)
       insert into record.held select injury, $1::int8 from hurt`,
      [first, scenario],
    )
    expect((await look()).findings).toEqual([
      `Settled by a process that had lost it: suspended of process 1: job ${first}.`,
    ])
  })
})

it('a recovery is the time from the injury to the first start elsewhere', async () => {
  const [first] = await runJobs([exact(WIDE)])
  await doctor(
    `with hurt as (
       insert into record.injuries (scenario, what, process, at) values ($2, 'kill -9', 7, '2026-01-01Z') returning injury),
     held as (insert into record.held select injury, $1::int8 from hurt)
     insert into record.starts (job, process, at) overriding user value values
       ($1, 7, timestamptz '2026-01-01Z' + interval '1 s'),
       ($1, 8, timestamptz '2026-01-01Z' + interval '4 s'),
       ($1, 9, timestamptz '2026-01-01Z' + interval '9 s')`,
    [first, scenario],
  )
  expect(await recoveries((text, values) => ground.query(text, values), ground.names, scenario)).toEqual([
    4_000,
  ])
})

it('nothing of a run is left in the database that it was given', async () => {
  const own = await createTestDatabase({ migrated: false })
  const there = await Ground.open(own.connectionString)
  await there.close()
  const { rows } = await withClient(own.connectionString, (client) =>
    client.query(`select nspname from pg_namespace where nspname like 'kongtask%'`),
  )
  await own.drop()
  expect(rows).toEqual([])
})
