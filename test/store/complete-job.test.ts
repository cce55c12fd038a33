import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { Conclusion } from '../../src/store/complete-job.ts'
import { eventually } from '../support/wait.ts'
import { useStore, type FixtureJob, type FixtureWorker, type Session } from './fixture.ts'

const db = useStore()

const IDLE = 60_000

async function claimed(job: FixtureJob = {}): Promise<{ job: ClaimedJob; worker: FixtureWorker }> {
  await db.addOne(job)
  const worker = await db.worker()
  return { job: await worker.claimOne(), worker }
}

/** A transaction of a handler's, open, in which it has completed the job. */
async function completing(job: ClaimedJob): Promise<Session> {
  const session = await db.session()
  await session.query('begin')
  await completingOn(session, job)
  return session
}

function completingOn(session: Session, job: ClaimedJob): Promise<void> {
  return db.store.completeJob(
    job,
    { result: undefined, idle: IDLE },
    { query: async (text, values) => ({ rows: await session.query(text, [...values]) }) },
  )
}

async function conclude(job: ClaimedJob): Promise<Conclusion | undefined> {
  const { worker } = job.lease
  const states = await db.store.concludeJobs({ worker, queue: job.queueId, jobs: [job] })
  return states.get(job.id)
}

/** As a process that was killed with kill -9: its lease runs out, its connections are closed by the server. */
async function die(worker: FixtureWorker, ...transactions: readonly Session[]): Promise<void> {
  for (const session of transactions) {
    const [row] = await session.query('select pg_backend_pid() as pid')
    await db.query('select pg_terminate_backend($1)', [row?.['pid']])
    await eventually(async () =>
      expect(await db.query('select from pg_stat_activity where pid = $1', [row?.['pid']])).toEqual([]),
    )
  }
  await db.query(`update kongtask.workers set expires_at = now() - interval '1 s' where id = $1`, [
    worker.number,
  ])
}

describe('a job that its handler completes', () => {
  it('is pending while the transaction is open, which nobody waits for, and completed when it has committed', async () => {
    const { job } = await claimed()
    const session = await completing(job)
    expect(await conclude(job)).toBe('pending')
    await session.query('commit')
    expect(await conclude(job)).toBe('completed')
    // Once: then nothing is left of it.
    expect(await conclude(job)).toBe('lost')
  })

  it('is open when the transaction has rolled back', async () => {
    const { job } = await claimed()
    const session = await completing(job)
    await session.query('rollback')
    expect(await conclude(job)).toBe('open')
  })

  it('is lost when somebody else has it', async () => {
    const { job } = await claimed()
    await db.query('update kongtask.jobs set worker = 4711')
    expect(await conclude(job)).toBe('lost')
  })

  it('is refused to whoever has lost it, and nothing of that transaction can commit', async () => {
    const { job } = await claimed()
    const ghosts = [
      { ...job, lease: { ...job.lease, claim: job.lease.claim + 1 } },
      { ...job, lease: { ...job.lease, worker: job.lease.worker + 1 } },
    ]
    // One of its own: a session would have another connection behind the error.
    const client = await db.database.pool.connect()
    try {
      for (const ghost of ghosts) {
        await client.query('begin')
        await client.query('insert into kongtask.chores values ($1, now())', ['what the handler did'])
        const on = { query: (text: string, values: readonly unknown[]) => client.query(text, [...values]) }
        const completed = db.store.completeJob(ghost, { result: undefined, idle: IDLE }, on)
        await expect(completed).rejects.toThrow('KT_LEASE_LOST')
        expect((await client.query('commit')).command).toBe('ROLLBACK')
      }
    } finally {
      client.release()
    }
    expect(await db.query('select from kongtask.chores')).toEqual([])
    expect(await conclude(job)).toBe('open')
  })

  it('bounds how long its transaction may idle, unless that is bounded closer', async () => {
    const idle = async (of: Session): Promise<unknown> =>
      (await of.query('show idle_in_transaction_session_timeout'))[0]?.['idle_in_transaction_session_timeout']
    const [one, other] = [await claimed(), await claimed()]
    const session = await completing(one.job)
    expect(await idle(session)).toBe('1min')
    await session.query('rollback')
    await session.query('begin')
    await session.query(`set local idle_in_transaction_session_timeout = '3s'`)
    await completingOn(session, other.job)
    expect(await idle(session)).toBe('3s')
    await session.query('rollback')
  })

  it('is found where it has moved, and where it moves while we wait for it', async () => {
    const { job } = await claimed()
    await db.query(`update kongtask.jobs set extras = '{"cancelled": "no"}'`)
    const mover = await db.session()
    await mover.query('begin')
    await mover.query(`update kongtask.jobs set extras = '{"cancelled": "really"}'`)
    const completed = completing(job)
    await eventually(async () =>
      expect(await db.query('select from pg_locks where not granted')).not.toEqual([]),
    )
    await mover.query('commit')
    await (await completed).query('commit')
    expect(await conclude(job)).toBe('completed')
  })

  it('blocks no settlement of others, nor claims, heartbeats or adders of its keys', async () => {
    const key = { serialKey: 'k', uniqueKey: 'u' }
    const { job, worker } = await claimed(key)
    const session = await completing(job)
    const others = await db.session()
    await others.store.insertJobs([
      { task: 'work', payload: '{}', contract: false, options: { serialKey: 'k' } },
      { task: 'work', payload: '{}', contract: false, options: { uniqueKey: 'u' } },
      { task: 'work', payload: '{}', contract: false, options: {} },
    ])
    const [free] = await worker.claim(10, others.store)
    expect(free?.id).toBeDefined()
    await others.store.heartbeat({
      ...worker.registration,
      lease: 60_000,
      known: [1, 2],
      before: 3,
      heard: [],
    })
    await others.store.rescueWorkers()
    await session.query('commit')
  })
})

describe('a process that is killed', () => {
  it('with the transaction open: the job is given back once the server has rolled that back, not before', async () => {
    const { job, worker } = await claimed()
    const session = await completing(job)
    await die(worker)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 0 })
    expect(await conclude(job)).toBe('pending')
    await die(worker, session)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 0, jobs: 1 })
    expect(await (await db.worker()).claimOne()).toMatchObject({ id: job.id, attempt: 1, crashes: 1 })
    expect(await db.query('select from kongtask.completions')).toEqual([])
  })

  it('behind the commit: the job stays completed, and its serial key goes to the next', async () => {
    const { job, worker } = await claimed({ serialKey: 'k' })
    const next = await db.addOne({ serialKey: 'k' })
    const session = await completing(job)
    await session.query('commit')
    const heir = await db.worker()
    expect(await heir.claim(1)).toEqual([])

    // While its process lives, that is its own to do.
    expect(await db.store.sweepCompletions()).toBe(0)
    await die(worker)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 0 })
    expect(await db.store.sweepCompletions()).toBe(1)
    expect(await heir.claimOne()).toMatchObject({ id: next })
    expect(await db.store.readJob(job.id)).toMatchObject({ state: 'completed' })
    expect(await db.store.sweepCompletions()).toBe(0)
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('and had it registered anew, or not stopped in order, the sweep finds what it left as well', async () => {
    const { job, worker } = await claimed({ serialKey: 'k' })
    const session = await completing(job)
    await session.query('commit')
    await db.store.unregisterWorker(worker.registration)
    expect(await db.store.sweepCompletions()).toBe(1)
    expect(await db.query('select from kongtask.serial_keys')).toEqual([])
  })

  it('is swept by one of several at once', async () => {
    const { job, worker } = await claimed({ serialKey: 'k' })
    const session = await completing(job)
    await session.query('commit')
    await die(worker)
    await db.store.rescueWorkers()
    const [one, two] = [await db.session(), await db.session()]
    expect(await Promise.all([one.store.sweepCompletions(), two.store.sweepCompletions()])).toEqual(
      expect.arrayContaining([0, 1]),
    )
  })
})

describe('steps and progress', () => {
  const keep = async (job: ClaimedJob): Promise<void> => {
    await db.store.storeStep(job, { name: 'a', result: '1' })
    await db.store.storeProgress([{ ...job, age: 2 * 86_400_000, done: 1, total: 2, note: undefined }])
  }
  const kept = async (): Promise<unknown[]> => [
    await db.value('select count(*)::int from kongtask.steps'),
    await db.value('select count(*)::int from kongtask.progress'),
  ]
  const prune = async (): Promise<number> => {
    let pruned = 0
    let batch = await db.store.pruneRecords()
    for (; batch.next !== undefined; batch = await db.store.pruneRecords(batch.next)) pruned += batch.pruned
    return pruned + batch.pruned
  }

  it('are kept while the job is live or a dead letter, whatever its queue', async () => {
    const live = await claimed({ queue: 'one' })
    await keep(live.job)
    const dead = await claimed({ queue: 'two' })
    await keep(dead.job)
    await db.store.settleJobs({
      worker: dead.worker.number,
      queue: dead.job.queueId,
      closed: [],
      jobs: [
        { ...dead.job, settlement: { kind: 'dead', reason: 'attempts', error: { name: 'E', message: 'e' } } },
      ],
    })
    expect(await prune()).toBe(0)
    expect(await kept()).toEqual([2, 2])
  })

  it('are forgotten when it is gone, batch by batch', async () => {
    const worker = await db.worker()
    await db.add(...Array.from({ length: 1_500 }, (): FixtureJob => ({})))
    const stays = await db.addOne({ priority: 9 })
    for (let jobs = await worker.claim(500); jobs.length > 0; jobs = await worker.claim(500)) {
      for (const job of jobs) await db.store.storeStep(job, { name: 'a' })
    }
    await db.query('delete from kongtask.jobs where id <> $1', [stays])
    expect(await prune()).toBe(1_500)
    expect(await db.query('select job_id::text as id from kongtask.steps')).toEqual([{ id: stays }])
  })

  it('progress of a job that is gone stays for a day', async () => {
    const { job } = await claimed()
    await db.store.storeProgress([{ ...job, age: 0, done: 2, total: 2, note: undefined }])
    await db.query('delete from kongtask.jobs')
    expect(await prune()).toBe(0)
    await db.moveClock('25 hours')
    expect(await prune()).toBe(1)
  })

  it('a step is stored once, by whoever has the job', async () => {
    const { job } = await claimed()
    expect(await db.store.storeStep(job, { name: 'a', result: '1' })).toBeUndefined()
    // Again, as behind an answer that was lost.
    await db.store.storeStep(job, { name: 'a', result: '2' })
    expect((await db.store.readSteps(job.id)).get('a')).toEqual({ result: '1', wakesIn: undefined })
    const ghost = { ...job, lease: { worker: job.lease.worker, claim: job.lease.claim + 1 } }
    await expect(db.store.storeStep(ghost, { name: 'b' })).rejects.toThrow('KT_LEASE_LOST')
  })

  it('a sleep lasts by the clock of the database, from when it was begun', async () => {
    const { job } = await claimed()
    expect(await db.store.storeStep(job, { name: 'sleep:1', sleep: 3_600_000 })).toBe(3_600_000)
    await db.moveClock('50 minutes')
    const left = (await db.store.readSteps(job.id)).get('sleep:1')?.wakesIn ?? 0
    expect(left).toBeGreaterThan(9 * 60_000)
    expect(left).toBeLessThanOrEqual(10 * 60_000)
  })
})

describe('lines of logs', () => {
  const line = { attempt: 1, level: 'warn', message: 'careful', fields: undefined, age: 0 } as const
  const dayOf = async (sql: string): Promise<string> =>
    String(await db.value(`select to_char((${sql}) at time zone 'UTC', 'YYYYMMDD')`))

  // In the order of time: a day that is gone does not come back.
  it('expire before their day is over', async () => {
    await db.store.storeLogs([{ ...line, job: '1', keep: 60_000 }])
    const page = { attempt: undefined, after: undefined, limit: 10 }
    expect(await db.store.readLogs('1', page)).toHaveLength(1)
    await db.moveClock('2 minutes')
    expect(await db.store.readLogs('1', page)).toEqual([])
  })

  it('lie on the day on which they expire, and go with it', async () => {
    await db.store.storeLogs([
      { ...line, job: '1', keep: 2 * 86_400_000 },
      { ...line, job: '2', keep: 5 * 86_400_000 },
    ])
    const day = await dayOf(`kongtask.clock() + interval '2 days'`)
    expect(await db.value('select tableoid::regclass::text from kongtask.logs where job_id = 1')).toBe(
      `kongtask.logs_${day}`,
    )
    // Whatever the hour is: a day stays for one when it is over.
    await db.moveClock('3 days 2 hours')
    expect(await db.store.dropExpiredDays()).toBeGreaterThan(0)
    expect(await db.query('select job_id::text as job from kongtask.logs')).toEqual([{ job: '2' }])
    expect(await db.value(`select to_regclass('kongtask.logs_${day}')`)).toBeNull()
  })

  it('find a day although nobody has kept any ahead for a month', async () => {
    await db.moveClock('40 days')
    await db.store.storeLogs([{ ...line, job: '1', keep: 35 * 86_400_000 }])
    expect(await db.query('select from kongtask.logs')).toHaveLength(1)
  })
})
