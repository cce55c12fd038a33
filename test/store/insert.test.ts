import { describe, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { newJob, useStore } from './fixture.ts'

const db = useStore()

const row = async (id: string): Promise<Record<string, unknown> | undefined> => {
  const [found] = await db.query(
    `select t.name as task, q.name as queue, j.lane as priority, j.max_attempts, j.retain_s, j.extras, j.attempt, j.worker,
            round(extract(epoch from j.run_at - j.created_at) * 1000)::int8 as delay
       from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id join kongtask.queues q on q.id = j.queue_id
      where j.id = $1`,
    [id],
  )
  return found
}

describe('added jobs', () => {
  it('are answered in the order of the entries, with rising ids', async () => {
    const added = await db.store.insertJobs(
      Array.from({ length: 500 }, (_, n) =>
        newJob({
          task: `task-${n % 7}`,
          queue: `queue-${n % 5}`,
          priority: n % 16,
          payload: String(n),
        }),
      ),
    )
    expect(added.map(({ status }) => status)).toEqual(Array.from({ length: 500 }, () => 'added'))
    const ids = added.map(({ id }) => BigInt(id))
    expect(ids).toEqual(ids.toSorted((a, b) => (a < b ? -1 : 1)))
    const stored = await db.query('select j.id::text, j.payload from kongtask.jobs j order by j.id')
    expect(stored).toEqual(added.map(({ id }, n) => ({ id, payload: n })))
  })

  it('of one call are due in the order of the entries', async () => {
    const ids = await db.add(...Array.from({ length: 50 }, () => ({})))
    const stored = await db.query('select id::text from kongtask.jobs order by run_at, id')
    expect(stored.map(({ id }) => id)).toEqual(ids)
  })

  it('have the built-in defaults where nothing is said', async () => {
    expect(await row(await db.addOne())).toEqual({
      task: 'work',
      queue: 'default',
      priority: 1,
      max_attempts: 25,
      retain_s: 86_400,
      extras: null,
      attempt: 0,
      worker: 0,
      delay: '0',
    })
  })

  it('have what is said', async () => {
    const id = await db.addOne({
      queue: 'q',
      priority: 0,
      maxAttempts: 1,
      retain: 1_500,
      timeout: 250,
      tags: ['b', 'a'],
      metadata: { deep: { null: null } },
      scheduledIn: 90_000,
    })
    expect(await row(id)).toMatchObject({
      queue: 'q',
      priority: 0,
      max_attempts: 1,
      // Seconds: rounded up, so that nothing is forgotten too early.
      retain_s: 2,
      extras: { timeout: 250, tags: ['b', 'a'], metadata: { deep: { null: null } } },
      delay: '90000',
    })
  })

  it('keep nothing where retain is false, and something where it is short', async () => {
    expect(await row(await db.addOne({ retain: false }))).toMatchObject({ retain_s: 0 })
    expect(await row(await db.addOne({ retain: 1 }))).toMatchObject({ retain_s: 1 })
  })

  it.each([['null'], ['0'], ['""'], ['[]'], ['{}'], ['false']])(
    'may have the payload %s',
    async (payload) => {
      const id = await db.addOne({ payload })
      expect(JSON.stringify((await db.store.readJob(id))?.payload)).toBe(payload)
    },
  )

  it('are not added at all where one of them cannot be', async () => {
    await expect(db.add({}, { priority: 99_999 }, {})).rejects.toMatchObject({ code: 'KT001' })
    expect(await db.query('select from kongtask.jobs')).toEqual([])
    expect(await db.query('select from kongtask.queues')).toEqual([])
  })
})

describe('one job with nothing said about it', () => {
  const addBySql = async (kind: object, payloads: readonly unknown[] = [{}]): Promise<unknown> =>
    db.query('select ordinal, id, status from kongtask.insert_jobs($1, null, $2)', [
      JSON.stringify([kind]),
      JSON.stringify(payloads),
    ])

  it('is the same whether its task was seen before or not', async () => {
    const [first, second] = [await db.addOne({ contract: true }), await db.addOne({ contract: true })]
    expect(await row(second)).toEqual(await row(first))
  })

  it('needs a name that is text, even where a task of that name is known', async () => {
    await db.addOne({ task: '5' })
    await expect(addBySql({ task: 5, options: {}, contract: true })).rejects.toThrow('KT_TASK_INVALID')
    expect(await addBySql({ task: '5', options: {}, contract: true })).toMatchObject([{ status: 'added' }])
  })

  it('is not added where there is none', async () => {
    await db.addOne()
    expect(await addBySql({ task: 'work', options: {}, contract: true }, [])).toEqual([])
    expect(await db.value('select count(*)::int from kongtask.jobs')).toBe(1)
  })

  it('keeps the job by whose handler it was added', async () => {
    await db.addOne()
    await addBySql({ task: 'work', options: {}, contract: true, parent: { id: '7', root: '3' } })
    const extras = await db.value('select extras from kongtask.jobs order by id desc limit 1')
    expect(extras).toEqual({ parentId: '7', rootId: '3' })
  })
})

describe('the due time', () => {
  it('counts from the clock of the database', async () => {
    await db.moveClock('3 days')
    const id = await db.addOne({ scheduledIn: 1_000 })
    expect(
      await db.value(
        `select run_at - clock_timestamp() > interval '2 days' from kongtask.jobs where id = $1`,
        [id],
      ),
    ).toBe(true)
    expect(await row(id)).toMatchObject({ delay: '1000' })
  })

  it('is what was said where that is in the future, and now where it is past', async () => {
    const future = await db.addOne({ scheduledAt: '2100-01-01T00:00:00.123Z' })
    const past = await db.addOne({ scheduledAt: '1999-01-01T00:00:00.000Z' })
    expect((await db.store.readJob(future))?.scheduledAt).toEqual(new Date('2100-01-01T00:00:00.123Z'))
    expect(await row(past)).toMatchObject({ delay: '0' })
    expect(await db.store.readJob(future)).toMatchObject({ state: 'scheduled' })
    expect(await db.store.readJob(past)).toMatchObject({ state: 'ready' })
  })

  it('does not begin with the transaction but with the adding', async () => {
    const session = await db.session()
    await session.query('begin')
    await session.query('select now()')
    const other = await db.addOne()
    const [late] = await session.store.insertJobs([newJob({ task: 'work', payload: '{}' })])
    await session.query('commit')
    const order = await db.query('select id::text from kongtask.jobs order by run_at')
    expect(order).toEqual([{ id: other }, { id: late?.id }])
  })
})

describe('what a task has published', () => {
  const published = {
    queue: 'mail',
    priority: 9,
    maxAttempts: 3,
    timeout: 5_000,
    retain: { finished: 60_000 },
  }

  it('stands where a job says nothing', async () => {
    await db.store.publish({ work: published }, null)
    expect(await row(await db.addOne())).toMatchObject({
      queue: 'mail',
      priority: 9,
      max_attempts: 3,
      retain_s: 60,
      extras: { timeout: 5_000 },
    })
  })

  it('gives way to what a job says', async () => {
    await db.store.publish({ work: published }, null)
    const id = await db.addOne({ queue: 'q', priority: 2, maxAttempts: 8, timeout: 7, retain: false })
    expect(await row(id)).toMatchObject({
      queue: 'q',
      priority: 2,
      max_attempts: 8,
      retain_s: 0,
      extras: { timeout: 7 },
    })
  })

  it('leaves the built-in defaults where it says nothing either, and other tasks alone', async () => {
    await db.store.publish({ work: { maxAttempts: 2 } }, null)
    expect(await row(await db.addOne())).toMatchObject({ queue: 'default', priority: 1, max_attempts: 2 })
    expect(await row(await db.addOne({ task: 'other' }))).toMatchObject({ max_attempts: 25 })
  })

  it('may change, for jobs that are added from then on', async () => {
    await db.store.publish({ work: { maxAttempts: 2 } }, null)
    const before = await db.addOne()
    await db.store.publish({ work: { maxAttempts: 4 } }, null)
    expect(await row(before)).toMatchObject({ max_attempts: 2 })
    expect(await row(await db.addOne())).toMatchObject({ max_attempts: 4 })
  })

  it('is answered with numbers for the names', async () => {
    await db.addOne({ queue: 'a' })
    const some = await db.store.publish({ work: {}, other: {} }, ['b'])
    expect([...some.tasks.keys()].toSorted()).toEqual(['other', 'work'])
    expect([...some.queues.keys()]).toEqual(['b'])
    const all = await db.store.publish({ work: {} }, null)
    expect([...all.queues.keys()].toSorted()).toEqual(['a', 'b'])
    expect(all.tasks.get('work')).toBe(some.tasks.get('work'))
  })

  it('writes nothing where nothing has changed', async () => {
    await db.store.publish({ work: published }, ['a'])
    const version = (): Promise<unknown> => db.value('select xmin::text from kongtask.tasks')
    const before = await version()
    await db.store.publish({ work: published }, ['a'])
    expect(await version()).toBe(before)
  })
})

describe('two transactions that add the same new names', () => {
  it('wait for each other, and both have their jobs', async () => {
    const [one, two] = [await db.session(), await db.session()]
    await two.query(`set lock_timeout = 0`)
    await one.query('begin')
    await one.store.insertJobs([newJob({ task: 'new', queue: 'new', payload: '1' })])
    const second = two.store.insertJobs([newJob({ task: 'new', queue: 'new', payload: '2' })])
    await eventually(async () => {
      expect(await db.query(`select from pg_locks where not granted`)).not.toEqual([])
    })
    await one.query('commit')
    await second
    expect(await db.query('select payload from kongtask.jobs order by payload')).toEqual([
      { payload: 1 },
      { payload: 2 },
    ])
    expect(await db.query('select name from kongtask.tasks')).toEqual([{ name: 'new' }])
  })

  it('do not mind when the first one is rolled back', async () => {
    const [one, two] = [await db.session(), await db.session()]
    await two.query(`set lock_timeout = 0`)
    await one.query('begin')
    await one.store.insertJobs([newJob({ task: 'new', queue: 'new', payload: '1' })])
    const second = two.store.insertJobs([newJob({ task: 'new', queue: 'new', payload: '2' })])
    await eventually(async () => {
      expect(await db.query(`select from pg_locks where not granted`)).not.toEqual([])
    })
    await one.query('rollback')
    await second
    expect(await db.query('select payload from kongtask.jobs')).toEqual([{ payload: 2 }])
  })

  it('in different orders do not deadlock, however many there are', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `name-${n}`)
    const sessions = await Promise.all(Array.from({ length: 6 }, () => db.session()))
    await Promise.all(
      sessions.map(async (session, turn) => {
        await session.query('set lock_timeout = 0')
        const turned = [...names.slice(turn * 5), ...names.slice(0, turn * 5)]
        const ordered = turn % 2 === 0 ? turned : turned.toReversed()
        await session.store.insertJobs(
          ordered.map((name) => newJob({ task: name, queue: name, payload: '0' })),
        )
      }),
    )
    expect(await db.value('select count(*)::int from kongtask.jobs')).toBe(180)
    expect(await db.value('select count(*)::int from kongtask.queues')).toBe(30)
  })

  it('of which the names are known wait for nothing', async () => {
    await db.addOne()
    const [one, two] = [await db.session(), await db.session()]
    await one.query('begin')
    await one.store.insertJobs([newJob({ task: 'work', payload: '1' })])
    expect(await two.store.insertJobs([newJob({ task: 'work', payload: '2' })])).toHaveLength(1)
    await one.query('commit')
  })
})

describe('those who wait', () => {
  it('hear of the queue when the transaction commits, and only of what falls due soon', async () => {
    const [listening, adding] = [await db.database.pool.connect(), await db.session()]
    const heard: (string | undefined)[] = []
    listening.on('notification', ({ payload }) => heard.push(payload))
    await listening.query('listen "kongtask:ready"')
    await db.add({ queue: 'far', scheduledIn: 3_600_000 })
    await adding.query('begin')
    await adding.store.insertJobs([
      newJob({ task: 'work', queue: 'near', payload: '1' }),
      newJob({ task: 'work', queue: 'soon', payload: '1', scheduledIn: 30_000 }),
      newJob({ task: 'work', queue: 'near', payload: '1' }),
    ])
    await listening.query('select 1')
    expect(heard).toEqual([])
    await adding.query('commit')
    const queues = await db.queues()
    await eventually(() => expect(heard).toHaveLength(2))
    expect(new Set(heard)).toEqual(new Set([queues.get('near'), queues.get('soon')].map(String)))
    listening.release(true)
  })

  it('are told that jobs are ready only where they all are: others fall due unheard of otherwise', async () => {
    const listening = await db.database.pool.connect()
    const heard: (string | undefined)[] = []
    listening.on('notification', ({ payload }) => heard.push(payload))
    await listening.query('listen "kongtask:ready"')
    const ids = await db.add({ queue: 'known' })
    const number = (await db.queues()).get('known')
    ids.push(await db.addOne({ queue: 'known' }))
    ids.push(await db.addOne({ queue: 'known', scheduledAt: new Date(Date.now() - 60_000).toISOString() }))
    await db.add({ queue: 'known', scheduledIn: 5_000 })
    await db.add({ queue: 'known', scheduledAt: new Date(Date.now() + 20_000).toISOString() })
    await eventually(() => expect(heard).toHaveLength(5))
    const ready = ids.map((id) => `${number} ready ${id}`)
    expect(heard).toEqual([...ready, `${number}`, `${number}`])
    listening.release(true)
  })

  it('are told which job it is only where its transaction has written nothing before, and it is one', async () => {
    const [listening, adding] = [await db.database.pool.connect(), await db.session()]
    const heard: (string | undefined)[] = []
    listening.on('notification', ({ payload }) => heard.push(payload))
    await listening.query('listen "kongtask:ready"')
    await adding.query('begin')
    const [first] = await adding.store.insertJobs([newJob({})])
    for (let n = 0; n < 100; n++) await adding.store.insertJobs([newJob(n % 2 === 0 ? {} : { priority: 2 })])
    await adding.query('commit')
    await db.add({ priority: 2 }, { priority: 2 })
    const last = await db.addOne({ priority: 2 })
    const number = (await db.queues()).get('default')
    await eventually(() => expect(heard).toHaveLength(4))
    expect(heard).toEqual([
      `${number} ready ${first?.id}`,
      `${number} ready`,
      `${number} ready`,
      `${number} ready ${last}`,
    ])
    listening.release(true)
  })

  it('hear nothing of what is rolled back', async () => {
    const [listening, adding] = [await db.database.pool.connect(), await db.session()]
    const heard: (string | undefined)[] = []
    listening.on('notification', ({ payload }) => heard.push(payload))
    await listening.query('listen "kongtask:ready"')
    await adding.query('begin')
    await adding.store.insertJobs([newJob({ task: 'work', queue: 'gone', payload: '1' })])
    await adding.query('rollback')
    // What was sent before would come before this.
    await db.query(`select pg_notify('kongtask:ready', 'last')`)
    await eventually(() => expect(heard).toContain('last'))
    expect(heard).toEqual(['last'])
    listening.release(true)
  })
})
