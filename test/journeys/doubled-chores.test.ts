// There is no leader: any process does any chore at any time (docs/decisions/011). So here all do the same one, while the
// first of them is suspended in the middle of it.
import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { useStore, type Session, type StoreFixture } from '../store/fixture.ts'
import { deferred } from '../support/wait.ts'

const db = useStore()
const OTHERS = 5
const DAY = 86_400_000
const LOCK_TIMEOUT = '55P03'

interface Chore {
  readonly name: string
  /** Makes three that are due, and one that must stay. */
  readonly prepare: (db: StoreFixture) => Promise<void>
  /** Answers how many it has dealt with. */
  readonly perform: (store: Store) => Promise<number>
  /** What is there of those that must stay. */
  readonly stays: string
}

const chores: readonly Chore[] = [
  {
    name: 'rescuing',
    prepare: async () => {
      await db.add({}, {}, {}, {})
      const [dead, alive] = [await db.worker(), await db.worker()]
      await dead.claim(3)
      await alive.claim(1)
      await db.query(
        `update kongtask.workers set expires_at = clock_timestamp() - interval '1 s' where id = $1`,
        [dead.number],
      )
    },
    perform: async (store) => (await store.rescueWorkers()).jobs,
    stays: 'select crashes from kongtask.jobs where worker <> 0',
  },
  {
    name: 'pruning unique keys',
    prepare: async () => {
      await db.add(...['a', 'b', 'c', 'stays'].map((uniqueKey) => ({ uniqueKey })))
      await db.query(`delete from kongtask.jobs where id <> (select max(j.id) from kongtask.jobs j)`)
    },
    perform: async (store) => (await store.pruneUniqueKeys()).pruned,
    stays: 'select 0 as crashes from kongtask.unique_keys',
  },
  {
    name: 'pruning steps of jobs that are gone',
    prepare: async () => {
      await db.add({}, {}, {}, {})
      const worker = await db.worker()
      for (const job of await worker.claim(4)) await db.store.storeStep(job, { name: 'a', result: '1' })
      await db.query(`delete from kongtask.jobs where id <> (select max(j.id) from kongtask.jobs j)`)
    },
    perform: async (store) => (await store.pruneRecords()).pruned,
    stays: 'select 0 as crashes from kongtask.steps',
  },
  {
    name: 'pruning history for which there was no day',
    prepare: async () => {
      await db.addOne({ retain: 500 * DAY })
      await complete()
      await db.query(
        `insert into kongtask.history_overflow
         select (h).* from (
           select jsonb_populate_record(o, jsonb_build_object('id', -n, 'expires_at', kongtask.clock() - interval '1 s')) as h
             from kongtask.history_overflow o, generate_series(1, 3) n) x`,
      )
    },
    perform: async (store) => (await store.pruneOverflow()).pruned,
    stays: 'select 0 as crashes from kongtask.history_overflow',
  },
]

describe.each(chores)('$name', ({ prepare, perform, stays }) => {
  async function suspended(): Promise<{ first: Session; pid: unknown; others: Session[] }> {
    await prepare(db)
    const first = await db.session()
    const others = await Promise.all(Array.from({ length: OTHERS }, () => db.session()))
    await first.query('begin')
    const [row] = await first.query('select pg_backend_pid() as pid')
    expect(await perform(first.store)).toBe(3)
    return { first, pid: row?.['pid'], others }
  }
  /** Who waits for the suspended one gives up, and has done nothing. */
  const byAll = async (sessions: readonly Session[]): Promise<number> => {
    const done = sessions.map(({ store }) =>
      perform(store).catch((error: unknown) => {
        expect(error).toMatchObject({ code: LOCK_TIMEOUT })
        return 0
      }),
    )
    return (await Promise.all(done)).reduce((sum, n) => sum + n, 0)
  }

  it('while another is suspended in it does nothing twice, and nothing that must not be done', async () => {
    const { first, others } = await suspended()
    expect(await byAll(others)).toBe(0)
    await first.query('commit')
    expect(await byAll(others)).toBe(0)
    expect(await db.query(stays)).toEqual([{ crashes: 0 }])
  })

  it('that is killed in it is done by the others, once', async () => {
    const { pid, others } = await suspended()
    expect(await byAll(others)).toBe(0)
    await db.query('select pg_terminate_backend($1, 5000)', [pid])
    expect(await byAll(others)).toBe(3)
    expect(await byAll(others)).toBe(0)
    expect(await db.query(stays)).toEqual([{ crashes: 0 }])
  })
})

/** Days once added stay, so this comes last: later in time. */
describe('dropping days', () => {
  it('by one that was suspended between reading and writing harms no day that came since', async () => {
    // At noon, whenever it is run: a day stays for an hour when it is over.
    const noon = DAY / 2 - (Date.now() % DAY)
    await db.moveClock(`${7 * DAY + noon} ms`)
    await db.store.extendDays()
    await db.store.dropExpiredDays()
    const job = await db.addOne({ retain: DAY })
    await complete()
    await db.moveClock(`${10 * DAY + noon} ms`)

    const [read, gate] = [deferred(), deferred()]
    const suspended = createStore(
      pausedBefore(/detach partition|drop table/, pgDatabase(db.database.pool, 20_000), async () => {
        read.resolve()
        await gate.promise
      }),
      'kongtask',
    )
    const dropping = suspended.dropExpiredDays().then(
      () => 'done',
      (error: unknown) => error,
    )
    await read.promise
    // Another has the turn meanwhile, and life goes on.
    expect(await db.store.dropExpiredDays()).toBeGreaterThan(0)
    expect(await db.store.readJob(job)).toBeUndefined()
    await db.store.extendDays()
    const stays = await db.addOne({ retain: DAY })
    await complete()
    const days = `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                   where i.inhparent = 'kongtask.history'::regclass order by 1`
    const before = await db.query(days)
    const today = await db.value(`select to_char(kongtask.clock() at time zone 'UTC', '"history_"YYYYMMDD')`)
    expect(before[0]).toEqual({ relname: today })

    gate.resolve()
    // It finds nothing there any more, and says so or not: nothing happens.
    await dropping
    expect(await db.query(days)).toEqual(before)
    expect(await db.store.readJob(stays)).toMatchObject({ state: 'completed' })
    expect(await db.store.dropExpiredDays()).toBe(0)
  })
})

async function complete(): Promise<void> {
  const { lease, queueId, ...job } = await (await db.worker()).claimOne()
  const settled = { ...job, lease, settlement: { kind: 'completed', result: 1 } as const }
  await db.store.settleJobs({ worker: lease.worker, queue: queueId, closed: [], jobs: [settled] })
}

/** Each statement that fits waits for `until` before it is sent. */
function pausedBefore(statement: RegExp, database: Database, until: () => Promise<void>): Database {
  return {
    ...database,
    query: async (text, values, name) => {
      if (statement.test(text)) await until()
      return database.query(text, values, name)
    },
  }
}
