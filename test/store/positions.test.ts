// Where a job comes to lie in its lane: a claim begins to look at its marks, so nothing that it may take must lie before them.
// sql/migrations/0008_claim_jobs.sql says what a mark may be.
import { describe, expect, it } from 'vitest'
import type { ClaimMarks } from '../../src/store/claim-jobs.ts'
import { newJob, useStore, type FixtureWorker, type Session } from './fixture.ts'
import { completed, dead, released, retry, settle } from './keyed.ts'

const db = useStore()

const patience = 10_000

/** Above those of the fixture. */
let claims = 1_000

/** All that a claim finds, of those that begin with these marks. */
async function found({ registration }: FixtureWorker, marks: ClaimMarks): Promise<string[]> {
  const { jobs } = await db.store.claimJobs({
    ...registration,
    claim: (claims += 1),
    queues: 'all',
    total: 100,
    tasks: await db.tasks(),
    marks,
  })
  return jobs.map(({ id }) => id)
}

/** A mark at this moment, in all lanes. */
async function marksOfNow(): Promise<ClaimMarks> {
  const at = Number(await db.value('select (extract(epoch from clock_timestamp()) * 1e6)::int8::text'))
  return { places: [{ queue: (await db.queues()).get('default') ?? 0, lane: -1, at, id: '0' }], paused: [] }
}

describe('a job that is to run again, or at last, at a time of before', () => {
  const ways: Readonly<Record<string, (worker: FixtureWorker) => Promise<string>>> = {
    'given back': async (worker) => {
      const id = await db.addOne()
      await settle(db.store, await worker.claim(1), released)
      return id
    },
    rescued: async () => {
      const id = await db.addOne()
      const mortal = await db.worker()
      await mortal.claim(1)
      await db.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [mortal.number])
      await db.store.rescueWorkers()
      return id
    },
    'of a task that was paused': async () => {
      const id = await db.addOne({ task: 'rest' })
      await db.store.pauseTask('rest')
      await db.store.parkJobs()
      await db.store.resumeTask('rest')
      await db.store.unparkJobs()
      return id
    },
    'with a serial key that is free now': async (worker) => {
      const [, id = ''] = await db.add({ serialKey: 's' }, { serialKey: 's' })
      await settle(db.store, await worker.claim(2), completed)
      return id
    },
    'behind a limit that has room now': async (worker) => {
      const concurrency = { limit: 1, key: 'crm' }
      await db.addOne({ concurrency })
      const id = await db.addOne({ concurrency })
      await settle(db.store, await worker.claim(2), completed)
      return id
    },
    'with another priority': async () => {
      const id = await db.addOne()
      const order = { targets: { ids: [id] }, filter: {}, patience }
      await db.store.operateJobs({ kind: 'reprioritise', priority: 5 }, order)
      return id
    },
    'replaced by one that keeps its time': async () => {
      const id = await db.addOne({ uniqueKey: 'u' })
      await db.add({ uniqueKey: 'u', onConflict: 'keep_schedule', priority: 5 })
      return id
    },
  }

  it.each(Object.keys(ways))('lies behind no mark: %s', async (way) => {
    const worker = await db.worker()
    const id = await ways[way]?.(worker)
    const passed = await db.addOne()
    const marks = await marksOfNow()
    expect(await found(worker, marks)).toEqual([id])
    // So it was not for want of a mark.
    expect(await found(worker, { places: [], paused: [] })).toEqual([passed])
  })

  it('is found by a claim whose marks are of when its task was paused', async () => {
    const worker = await db.worker()
    const id = await db.addOne({ task: 'rest' })
    const paused = [Number(await db.value(`select id from kongtask.tasks where name = 'rest'`))]
    expect(await found(worker, { ...(await marksOfNow()), paused })).toEqual([id])
  })
})

describe('the time of a job', () => {
  /** Who marks a lane knows which transactions may still add to it, by their numbers. */
  const ways: Readonly<Record<string, (session: Session, ids: readonly string[]) => Promise<unknown>>> = {
    'one that is added with nothing said about it': ({ store }) => store.insertJobs([newJob({})]),
    'one that is added': ({ store }) => store.insertJobs([newJob({ priority: 3 })]),
    'many that are added': ({ store }) => store.insertJobs([newJob({}), newJob({ uniqueKey: 'u' })]),
    'those that get another priority': ({ store }, ids) =>
      store.operateJobs({ kind: 'reprioritise', priority: 5 }, { targets: { ids }, filter: {}, patience }),
    'one that is tried again': async ({ store }) => {
      const worker = await db.worker()
      await settle(store, await worker.claim(1), retry)
    },
    'one that was dead': async ({ store }) => {
      const worker = await db.worker()
      const buried = await worker.claim(1)
      await settle(db.store, buried, dead)
      const targets = { ids: buried.map(({ id }) => id) }
      await store.operateJobs({ kind: 'retry' }, { targets, filter: { states: ['dead'] }, patience })
    },
  }

  it.each(Object.keys(ways))(
    'is a time that was read behind the number of its transaction: %s',
    async (way) => {
      const ids = await db.add({}, {})
      const session = await db.session()
      await db.query(`
      create or replace function kongtask.clock() returns timestamptz language plpgsql volatile as $$
      begin
        perform set_config('test.last', case when pg_current_xact_id_if_assigned() is null then 'early' else 'right' end, false);
        return clock_timestamp();
      end $$`)
      await ways[way]?.(session, ids)
      expect(await session.query(`select current_setting('test.last') as last`)).toEqual([{ last: 'right' }])
    },
  )
})
