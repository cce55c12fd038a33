import { describe, expect, it } from 'vitest'
import { withClient } from '../support/run-databases.ts'
import { eventually } from '../support/wait.ts'
import { newJob, useStore } from './fixture.ts'

const db = useStore()

const lease = 'select id::text, worker, attempt, crashes from kongtask.jobs order by id'

describe('unlock_worker', () => {
  it('gives all jobs back, with their attempts and without a crash, and forgets the worker', async () => {
    const [a, b] = await db.add({}, {})
    const worker = await db.worker()
    await worker.claim(10)
    await db.query(`select kongtask.tell_worker($1, '{"kind":"drain"}')`, [worker.number])
    expect(await db.store.unlockWorker(worker.number)).toBe(2)
    expect(await db.query(lease)).toEqual([
      { id: a, worker: 0, attempt: 0, crashes: 0 },
      { id: b, worker: 0, attempt: 0, crashes: 0 },
    ])
    expect(await db.query('select id from kongtask.workers')).toEqual([])
    expect(await db.query('select id from kongtask.messages where worker = $1', [worker.number])).toEqual([])
    expect(await db.ledger(worker.number)).toEqual([])
  })

  it('refuses what the worker does afterwards: heartbeat, claim and settlement', async () => {
    await db.add({}, {})
    const worker = await db.worker()
    const job = await worker.claimOne()
    await db.store.unlockWorker(worker.number)
    const beat = { ...worker.registration, lease: 60_000, known: [1], before: 2, heard: [] }
    expect(await db.store.heartbeat(beat)).toMatchObject({ alive: false })
    await expect(worker.claim(1)).rejects.toMatchObject({ code: 'KT002' })
    const settled = await db.store.settleJobs({
      worker: worker.number,
      queue: job.queueId,
      closed: [],
      jobs: [{ ...job, settlement: { kind: 'completed', result: undefined } }],
    })
    expect([...settled.refused]).toEqual([job.id])
  })

  it('waits for a claim that is under way, and gives back what that took', async () => {
    await db.add({}, {})
    const worker = await db.worker()
    const claiming = await db.session()
    await claiming.query('begin')
    expect(await worker.claim(10, claiming.store)).toHaveLength(2)
    const unlocked = db.store.unlockWorker(worker.number)
    await eventually(async () =>
      expect(
        await db.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%unlock_worker%'`,
        ),
      ).toHaveLength(1),
    )
    await claiming.query('commit')
    expect(await unlocked).toBe(2)
    expect(await db.query('select from kongtask.jobs where worker <> 0')).toEqual([])
  })

  it('leaves what somebody is just writing about to the rescuer', async () => {
    await db.add({}, {})
    const worker = await db.worker()
    const [one] = await worker.claim(10)
    const writing = await db.session()
    await writing.query('begin')
    await writing.query('select from kongtask.jobs where id = $1 for update', [one?.id])
    expect(await db.store.unlockWorker(worker.number)).toBe(1)
    await writing.query('rollback')
    expect(await db.store.rescueWorkers()).toMatchObject({ jobs: 1 })
    expect(await db.query('select id from kongtask.workers')).toEqual([])
  })

  it('counts no crash for that one either, and does not bury it though it ran alone', async () => {
    const id = await db.addOne()
    const worker = await db.worker()
    const { lease: held } = await worker.claimOne()
    await db.store.runAlone(worker.registration, { id, claim: held.claim })
    const writing = await db.session()
    await writing.query('begin')
    await writing.query('select from kongtask.jobs for update')
    expect(await db.store.unlockWorker(worker.number)).toBe(0)
    await writing.query('rollback')
    expect(await db.store.rescueWorkers()).toEqual({ workers: 0, jobs: 1 })
    expect(await db.query(lease)).toEqual([{ id, worker: 0, attempt: 0, crashes: 0 }])
  })

  it('is heard of by a worker of which a job is still locked', async () => {
    await db.addOne()
    const worker = await db.worker()
    await worker.claimOne()
    const writing = await db.session()
    await writing.query('begin')
    await writing.query('select from kongtask.jobs for update')
    expect(await db.store.unlockWorker(worker.number)).toBe(0)
    const beat = { ...worker.registration, lease: 60_000, known: [1], before: 2, heard: [] }
    expect(await db.store.heartbeat(beat)).toMatchObject({ alive: false })
    await writing.query('rollback')
  })

  it('knows no worker that is none', async () => {
    expect(await db.store.unlockWorker(77)).toBeUndefined()
    expect(await db.store.drainWorker(77)).toBe(false)
  })
})

describe('what is paused', () => {
  it('is told to every worker, and to none twice over once it was heard', async () => {
    const worker = await db.worker()
    await db.store.pauseQueue('mail')
    const beat = { ...worker.registration, lease: 60_000, known: [], before: 1 }
    const queue = (await db.queues()).get('mail')
    const { messages } = await db.store.heartbeat({ ...beat, heard: [] })
    expect(messages.map(({ message }) => message)).toEqual([{ kind: 'pause', queue, task: undefined }])
    expect(await db.store.heartbeat({ ...beat, heard: messages.map(({ id }) => id) })).toMatchObject({
      messages: [],
    })
  })

  it('is told although a message with a higher number was told and acknowledged before', async () => {
    const worker = await db.worker()
    const beat = { ...worker.registration, lease: 60_000, known: [], before: 1 }
    const slow = await db.session()
    await slow.query('begin')
    await slow.query(`select kongtask.tell_worker($1, '{"kind":"drain"}')`, [worker.number])
    await db.store.pauseQueue('mail')
    const one = await db.store.heartbeat({ ...beat, heard: [] })
    await slow.query('commit')
    const two = await db.store.heartbeat({ ...beat, heard: one.messages.map(({ id }) => id) })
    expect(two.messages.map(({ message }) => message)).toEqual([{ kind: 'drain' }])
  })

  it('keeps no adder and no claim of another queue waiting while it is being paused', async () => {
    await db.add({ queue: 'mail' }, { queue: 'other' })
    const worker = await db.worker()
    const pausing = await db.session()
    await pausing.query('begin')
    await pausing.query(`select kongtask.pause_queue('mail')`)
    const other = await db.session()
    // This one would fail instead of waiting for a lock.
    await other.store.insertJobs([newJob({ queue: 'mail' })])
    // What is not committed is not paused yet.
    expect(await worker.claim(10, other.store)).toHaveLength(3)
    await pausing.query('commit')
    await db.add({ queue: 'mail' })
    expect(await worker.claim(10)).toEqual([])
  })
})

describe('limit_queue', () => {
  const limits = `select name, concurrency, rate from kongtask.queues where name <> 'default' order by name`
  const call = (name: string, concurrency: string | null, rate: string | null) =>
    db.query('select kongtask.limit_queue($1, $2, $3)', [name, concurrency, rate])

  it('sets what is given, takes away what is null in JSON, and leaves what is null in SQL', async () => {
    await call('mail', '5', '{"limit": 10, "per": "1m30s"}')
    expect(await db.query(limits)).toEqual([
      { name: 'mail', concurrency: 5, rate: { limit: 10, per: 90_000, burst: 1 } },
    ])
    await call('mail', null, '{"limit": 10, "per": 1000, "burst": 7}')
    await call('mail', '100000', null)
    expect(await db.query(limits)).toEqual([
      { name: 'mail', concurrency: 100_000, rate: { limit: 10, per: 1_000, burst: 7 } },
    ])
    await call('mail', 'null', null)
    expect(await db.query(limits)).toMatchObject([{ concurrency: null, rate: { limit: 10 } }])
    await call('mail', null, 'null')
    expect(await db.query(limits)).toEqual([{ name: 'mail', concurrency: null, rate: null }])
  })

  it.each([
    ['two words', '5', null, 'KT_NAME_INVALID'],
    [null, '5', null, 'KT_NAME_INVALID'],
    ['mail', '0', null, 'KT_OPTION_INVALID'],
    ['mail', '100001', null, 'KT_OPTION_INVALID'],
    ['mail', '"5"', null, 'KT_OPTION_INVALID'],
    ['mail', '{"limit": 5}', null, 'KT_OPTION_INVALID'],
    ['mail', null, '5', 'KT_OPTION_INVALID'],
    ['mail', null, '{"limit": 0, "per": "1s"}', 'KT_OPTION_INVALID'],
    ['mail', null, '{"limit": 5}', 'KT_DURATION_INVALID'],
    ['mail', null, '{"limit": 5, "per": 0}', 'KT_DURATION_INVALID'],
    ['mail', '5', '{"limit": 5, "per": "1s", "burst": 0}', 'KT_OPTION_INVALID'],
    ['mail', '5', '{"limit": 5, "per": "1s", "key": "crm"}', 'KT_OPTION_UNKNOWN'],
    ['mail', 'null', '{"limit": 5, "per": "1s", "by": "tenant"}', 'KT_OPTION_UNKNOWN'],
  ])('refuses %j, %s, %s, and writes nothing', async (name, concurrency, rate, code) => {
    const calling = db.query('select kongtask.limit_queue($1, $2, $3)', [name, concurrency, rate])
    await expect(calling).rejects.toMatchObject({
      code: 'KT001',
      message: expect.stringContaining(`${code}: `),
    })
    expect(await db.query('select name from kongtask.queues')).toEqual([])
  })

  it('wakes those who listen for the queue', async () => {
    const heard: (string | undefined)[] = []
    await withClient(db.database.connectionString, async (client) => {
      client.on('notification', ({ payload }) => heard.push(payload))
      await client.query('listen "kongtask:ready"')
      await call('mail', '5', null)
      await call('mail', 'null', null)
      await eventually(() => expect(heard).toHaveLength(2))
    })
    const queue = String((await db.queues()).get('mail'))
    expect(heard).toEqual([queue, queue])
  })
})

describe('what is resumed', () => {
  it('wakes those who listen: for the queue, or, as the jobs of a task may be anywhere, for all', async () => {
    await db.store.pauseQueue('mail')
    await db.store.pauseTask('work')
    const heard: (string | undefined)[] = []
    await withClient(db.database.connectionString, async (client) => {
      client.on('notification', ({ payload }) => heard.push(payload))
      await client.query('listen "kongtask:ready"')
      expect(await db.store.resumeQueue('mail')).toBe(true)
      expect(await db.store.resumeTask('work')).toBe(true)
      expect(await db.store.resumeQueue('none')).toBe(false)
      expect(await db.store.resumeTask('none')).toBe(false)
      await eventually(() => expect(heard).toHaveLength(2))
    })
    expect(heard).toEqual([String((await db.queues()).get('mail')), ''])
  })
})
