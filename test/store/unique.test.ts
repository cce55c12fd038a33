import { afterEach, describe, expect, it } from 'vitest'
import type { AddedJob, OnConflict } from '../../src/core/new-job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { Store } from '../../src/store/store.ts'
import { first, newJob, useStore, type FixtureJob, type Session } from './fixture.ts'
import {
  cancelled,
  completed,
  Connections,
  dead,
  error,
  redrive,
  released,
  retry,
  setClock,
  settle,
  snoozed,
  stopClock,
} from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const policies: readonly OnConflict[] = ['skip', 'replace', 'keep_schedule']
const key = { uniqueKey: 'k' } as const

const addTo = async (store: Store, job: FixtureJob = key): Promise<AddedJob> =>
  first(await store.insertJobs([newJob(job)]))
const add = (job: FixtureJob = key): Promise<AddedJob> => addTo(db.store, job)

const liveIds = async (): Promise<unknown[]> =>
  (await db.query('select id::text from kongtask.jobs order by id')).map(({ id }) => id)
const holder = (): Promise<unknown> => db.value('select job_id::text from kongtask.unique_keys')
const stateOf = async (id: string): Promise<string | undefined> => (await db.store.readJob(id))?.state
const isCode = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === code

/** Adds a job, claims it, and settles it like this. */
async function addedAnd(settlement: Settlement, job: FixtureJob = key): Promise<string> {
  const { id } = await add(job)
  await settle(db.store, [await (await db.worker()).claimOne()], settlement)
  return id
}

async function prune(store = db.store): Promise<number> {
  return (await store.pruneUniqueKeys()).pruned
}

describe('fifty adders of one key at once', () => {
  it.each(policies)('make one job: %s', async (onConflict) => {
    const adders = await connections.many(50)
    const answers = await Promise.all(
      adders.map(({ store }, n) => addTo(store, { ...key, onConflict, payload: String(n) })),
    )
    const ids = new Set(answers.map(({ id }) => id))
    expect(ids.size).toBe(1)
    const others = onConflict === 'skip' ? 'skipped' : 'replaced'
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      'added',
      ...Array<string>(49).fill(others),
    ])
    expect(await liveIds()).toEqual([...ids])
    expect(await holder()).toBe([...ids][0])
  })

  it('skip a running holder', async () => {
    const { id } = await add()
    await (await db.worker()).claimOne()
    const adders = await connections.many(50)
    const answers = await Promise.all(adders.map(({ store }) => addTo(store)))
    expect(answers).toEqual(answers.map(() => ({ id, status: 'skipped' })))
    expect(await liveIds()).toEqual([id])
  })

  it.each(['replace', 'keep_schedule'] as const)(
    'leave a running holder alone and make one successor: %s',
    async (onConflict) => {
      const { id } = await add()
      await (await db.worker()).claimOne()
      const adders = await connections.many(50)
      const answers = await Promise.all(adders.map(({ store }) => addTo(store, { ...key, onConflict })))
      expect(answers.filter(({ status }) => status === 'added')).toHaveLength(1)
      expect(new Set(answers.map((answer) => answer.id)).size).toBe(1)
      expect(await liveIds()).toEqual([id, first(answers).id])
    },
  )

  it.each(policies)('of a key that is left over from a finished job make one job: %s', async (onConflict) => {
    const old = await addedAnd(completed)
    const adders = await connections.many(50)
    const answers = await Promise.all(adders.map(({ store }) => addTo(store, { ...key, onConflict })))
    expect(answers.filter(({ status }) => status === 'added')).toHaveLength(1)
    expect(answers.map(({ id }) => id)).not.toContain(old)
    expect(await liveIds()).toEqual([first(answers).id])
  })
})

describe('an adder in an open transaction', () => {
  it.each(policies)('makes others of its key wait, and they meet what it added: %s', async (onConflict) => {
    const [open, ...others] = await connections.many(4)
    await open?.query('begin')
    const { id } = await addTo(first([open].flatMap((c) => c ?? [])).store)
    const answers = Promise.all(others.map(({ store }) => addTo(store, { ...key, onConflict })))
    for (const other of others) await connections.waits(other)
    await open?.query('commit')
    const status = onConflict === 'skip' ? 'skipped' : 'replaced'
    expect(await answers).toEqual(others.map(() => ({ id, status })))
    expect(await liveIds()).toEqual([id])
  })

  it('lets exactly one of them through when it rolls back', async () => {
    const open = await connections.open()
    const others = await connections.many(5)
    await open.query('begin')
    const { id } = await addTo(open.store)
    const answers = Promise.all(others.map(({ store }) => addTo(store)))
    for (const other of others) await connections.waits(other)
    await open.query('rollback')
    const added = (await answers).filter(({ status }) => status === 'added')
    expect(added).toHaveLength(1)
    expect(first(added).id).not.toBe(id)
    expect(await liveIds()).toEqual([first(added).id])
  })

  it('that replaces lets the one behind it replace what was before, when it rolls back', async () => {
    const { id } = await add({ ...key, payload: '1' })
    const [open, other] = [await connections.open(), await connections.open()]
    await open.query('begin')
    await addTo(open.store, { ...key, payload: '2', onConflict: 'replace', queue: 'elsewhere' })
    const answer = addTo(other.store, { ...key, payload: '3', onConflict: 'keep_schedule' })
    await connections.waits(other)
    await open.query('rollback')
    expect(await answer).toEqual({ id, status: 'replaced' })
    expect(await db.store.readJob(id)).toMatchObject({ payload: 3, queue: 'default' })
    expect(await liveIds()).toEqual([id])
  })

  it('adds twice, and the second meets the first', async () => {
    const open = await connections.open()
    await open.query('begin')
    const { id } = await addTo(open.store, { ...key, payload: '1' })
    expect(await addTo(open.store)).toEqual({ id, status: 'skipped' })
    expect(await addTo(open.store, { ...key, payload: '2', onConflict: 'replace' })).toEqual({
      id,
      status: 'replaced',
    })
    await open.query('commit')
    expect(await db.store.readJob(id)).toMatchObject({ payload: 2 })
  })

  it('is nothing to adders of other keys, of the same key of another task, and without a key', async () => {
    const open = await connections.open()
    await open.query('begin')
    await addTo(open.store, { ...key, task: 'first' })
    await open.query('rollback')
    await db.add({ task: 'first' }, { task: 'second' })
    await open.query('begin')
    await addTo(open.store, { ...key, task: 'first' })
    // Fails instead of waiting.
    const { store } = await db.session()
    expect(await addTo(store, { uniqueKey: 'other', task: 'first' })).toMatchObject({ status: 'added' })
    expect(await addTo(store, { ...key, task: 'second' })).toMatchObject({ status: 'added' })
    expect(await addTo(store, { task: 'first' })).toMatchObject({ status: 'added' })
    await open.query('commit')
    expect(await db.value('select count(*)::int4 from kongtask.unique_keys')).toBe(3)
  })

  it('that replaced a job keeps nobody from claiming, settling and pruning others', async () => {
    const worker = await db.worker()
    await add({ uniqueKey: 'running' })
    const job = await worker.claimOne()
    await add()
    const open = await connections.open()
    await open.query('begin')
    expect(await addTo(open.store, { ...key, onConflict: 'replace' })).toMatchObject({ status: 'replaced' })
    expect(await addTo(open.store, { uniqueKey: 'running', onConflict: 'replace' })).toMatchObject({
      status: 'added',
    })
    // Fails instead of waiting.
    const { store } = await db.session()
    const next = await addTo(store, { uniqueKey: 'next' })
    expect((await worker.claim(5, store)).map(({ id }) => id)).toEqual([next.id])
    await settle(store, [job], completed)
    expect(await prune(store)).toBe(0)
    await open.query('rollback')
  })
})

describe('a key', () => {
  it('holds in whatever queue its job is', async () => {
    const { id } = await add({ ...key, queue: 'a' })
    expect(await add({ ...key, queue: 'b' })).toEqual({ id, status: 'skipped' })
    expect(await add({ ...key, queue: 'b', onConflict: 'replace' })).toEqual({ id, status: 'replaced' })
    expect(await add({ ...key, queue: 'a' })).toEqual({ id, status: 'skipped' })
    expect(await stateOf(id)).toBe('ready')
  })

  it('of one task is not that of another', async () => {
    const one = await add({ ...key, task: 'one' })
    const other = await add({ ...key, task: 'other' })
    expect([one.status, other.status]).toEqual(['added', 'added'])
    expect(one.id).not.toBe(other.id)
    expect(await add({ ...key, task: 'other' })).toEqual({ id: other.id, status: 'skipped' })
  })

  it.each([
    ['completed', completed],
    ['dead', dead],
    ['cancelled', cancelled],
  ])('is free again when its job is %s', async (_, settlement) => {
    const id = await addedAnd(settlement)
    for (const onConflict of policies) {
      const next = await add({ ...key, onConflict })
      expect(next.status).toBe('added')
      expect(next.id).not.toBe(id)
      await settle(db.store, [await (await db.worker()).claimOne()], settlement)
    }
  })

  it.each([
    ['waits for its retry', { kind: 'retry', delay: 60_000, error }],
    ['snoozes', { kind: 'snoozed', delay: 60_000 }],
    ['was given back', released],
  ] satisfies [string, Settlement][])('is held while its job %s', async (_, settlement) => {
    const id = await addedAnd(settlement)
    expect(await add()).toEqual({ id, status: 'skipped' })
    expect(await prune()).toBe(0)
    expect(await add()).toEqual({ id, status: 'skipped' })
  })

  it('made of a payload is the same however the payload is spelled, and from wherever it comes', async () => {
    const { id } = await add({ payload: '{"b":[1,{"c":null}],"a":1.50}', uniqueFor: 60_000 })
    const same = '{ "a" : 15e-1 , "b" : [ 1.0 , {"c" : null} ] }'
    expect(await add({ payload: same, uniqueFor: 1 })).toEqual({ id, status: 'skipped' })
    expect(
      await db.query(`select * from kongtask.add_job('work', $1, '{"uniqueFor": "1m"}')`, [same]),
    ).toEqual([{ id, status: 'skipped' }])
    expect(await add({ payload: '{"b":[1,{"c":null}],"a":1.51}', uniqueFor: 60_000 })).toMatchObject({
      status: 'added',
    })
  })
})

describe('a window', () => {
  const window = { ...key, uniqueFor: 60_000 } as const

  it('goes on when its job is finished, skips whatever would replace, and ends by itself', async () => {
    const id = await addedAnd(completed, window)
    await db.moveClock('59 s')
    for (const onConflict of policies)
      expect(await add({ ...key, onConflict })).toEqual({ id, status: 'skipped' })
    expect(await prune()).toBe(0)
    expect(await add(window)).toEqual({ id, status: 'skipped' })
    await db.moveClock('61 s')
    expect(await add(window)).toMatchObject({ status: 'added' })
  })

  it('that ends while its job lives leaves the key to the job', async () => {
    const { id } = await add(window)
    await db.moveClock('61 s')
    expect(await prune()).toBe(0)
    expect(await add(window)).toEqual({ id, status: 'skipped' })
  })

  it('begins anew with a replacement, and is what the replacement says', async () => {
    const { id } = await add(window)
    await db.moveClock('50 s')
    expect(await add({ ...window, onConflict: 'replace' })).toEqual({ id, status: 'replaced' })
    await settle(db.store, [await (await db.worker()).claimOne()], completed)
    await db.moveClock('109 s')
    expect(await add(window)).toEqual({ id, status: 'skipped' })
    await db.moveClock('111 s')
    const next = await add(window)
    expect(next.status).toBe('added')
    expect(await add({ ...key, onConflict: 'replace' })).toEqual({ id: next.id, status: 'replaced' })
    await settle(db.store, [await (await db.worker()).claimOne()], completed)
    expect(await add()).toMatchObject({ status: 'added' })
  })

  it('of which nothing is left is taken away by the pruner', async () => {
    await addedAnd(completed, window)
    expect(await prune()).toBe(0)
    await db.moveClock('61 s')
    expect(await prune()).toBe(1)
    expect(await holder()).toBeUndefined()
  })

  it('that ends while an adder waits for another keeps nobody out', async () => {
    const noon = Date.parse('2030-01-01T12:00:00Z')
    await stopClock(db)
    await setClock(db, noon)
    await addedAnd(completed, window)
    const [open, waiting] = [await connections.open(), await connections.open()]
    await open.query('begin')
    expect(await addTo(open.store)).toMatchObject({ status: 'skipped' })
    const answer = addTo(waiting.store)
    await connections.waits(waiting)
    await setClock(db, noon + 61_000)
    await open.query('rollback')
    expect(await answer).toMatchObject({ status: 'added' })
  })
})

describe('a bulk', () => {
  it('is as if its entries were added one after the other', async () => {
    const answers = await db.store.insertJobs([
      newJob({ ...key, payload: '1', scheduledIn: 60_000 }),
      newJob({ payload: '2' }),
      newJob({ ...key, payload: '3', onConflict: 'keep_schedule' }),
      newJob({ ...key, payload: '4', uniqueFor: 60_000 }),
      newJob({ uniqueKey: 'other', payload: '5' }),
      newJob({ ...key, payload: '6', task: 'other' }),
    ])
    const [one, two, , , five, six] = answers.map(({ id }) => id)
    expect(answers.map(({ id, status }) => [id, status])).toEqual([
      [one, 'added'],
      [two, 'added'],
      [one, 'replaced'],
      [one, 'skipped'],
      [five, 'added'],
      [six, 'added'],
    ])
    expect(new Set([one, two, five, six]).size).toBe(4)
    expect(await db.store.readJob(one ?? '')).toMatchObject({ payload: 3, state: 'scheduled' })
  })

  it.each(['new', 'held'])(
    'does not deadlock with another that has the same %s keys in the opposite order',
    async (which) => {
      const adders = await connections.many(4)
      await db.addOne({})
      await db.query('delete from kongtask.jobs')
      for (let round = 0; round < 12; round += 1) {
        const ofRound = which === 'new' ? `${round} ` : ''
        const keys = Array.from({ length: 100 }, (_, n) => `key ${ofRound}${n}`)
        await Promise.all(
          adders.map(({ store }, n) => {
            const order = n % 2 === 0 ? keys : keys.toReversed()
            return store.insertJobs(order.map((uniqueKey) => newJob({ uniqueKey, onConflict: 'replace' })))
          }),
        )
        expect(await liveIds()).toHaveLength(which === 'new' ? 100 * (round + 1) : 100)
      }
    },
  )

  it('does not deadlock with redriving, in whatever order the letters died', async () => {
    const worker = await db.worker()
    const ids: string[] = []
    for (const uniqueKey of ['b', 'a']) {
      ids.push((await add({ uniqueKey })).id)
      await settle(db.store, [await worker.claimOne()], dead)
    }
    const [open, redriving] = [await connections.open(), await connections.open()]
    await open.query('begin')
    await addTo(open.store, { uniqueKey: 'a' })
    const answers = redrive(redriving.store, ids)
    await connections.waits(redriving)
    const { status } = await addTo(open.store, { uniqueKey: 'b' })
    await open.query('commit')
    const statuses = new Map((await answers).map((answer) => [answer.id, answer.status]))
    // Whoever came first under b; a was taken before.
    expect([...ids.map((id) => statuses.get(id)), status]).toEqual(
      status === 'added' ? ['conflict', 'conflict', 'added'] : ['redriven', 'conflict', 'skipped'],
    )
  })
})

describe('completing while others add', () => {
  it.each(policies)('leaves one job or none, and never loses one: %s', async (onConflict) => {
    const adders = await connections.many(4)
    const settling = await connections.open()
    const worker = await db.worker()
    for (let round = 0; round < 25; round += 1) {
      const { id } = await add()
      const job = await worker.claimOne()
      const [answers] = await Promise.all([
        Promise.all(adders.map(({ store }) => addTo(store, { ...key, onConflict }))),
        settle(settling.store, [job], round % 2 === 0 ? completed : dead),
      ])
      const added = answers.filter(({ status }) => status === 'added')
      expect(added.length).toBeLessThanOrEqual(1)
      expect(await liveIds()).toEqual(added.map((answer) => answer.id))
      const others = answers.filter(({ status }) => status !== 'added')
      const holders = [id, ...added.map((answer) => answer.id)]
      expect(others.filter((answer) => !holders.includes(answer.id))).toEqual([])
      expect(added.length).toBeGreaterThanOrEqual(onConflict === 'skip' ? 0 : 1)
      await settle(db.store, await worker.claim(1), completed)
    }
  })
})

describe('replacing while a worker claims', () => {
  it('is either in time for the claim or makes a successor', async () => {
    const [adding, claiming] = [await connections.open(), await connections.open()]
    const worker = await db.worker()
    const outcomes = new Set<string>()
    for (let round = 0; round < 150; round += 1) {
      const { id } = await add({ ...key, payload: '"old"' })
      const replace = (): Promise<AddedJob> =>
        addTo(adding.store, {
          ...key,
          payload: '"new"',
          onConflict: round % 2 === 0 ? 'replace' : 'keep_schedule',
        })
      const claim = (): ReturnType<typeof worker.claim> => worker.claim(1, claiming.store)
      const [answer, jobs] =
        round % 3 === 0
          ? await Promise.all([replace(), claim()])
          : await Promise.all([claim(), replace()]).then(
              ([claimed, replaced]) => [replaced, claimed] as const,
            )
      // The claim skips what is being replaced at that moment.
      const [job] = jobs
      outcomes.add(`${answer.status}, ${job === undefined ? 'none' : job.payload}`)
      expect([answer.status, job?.payload ?? '"new"', await liveIds()]).toEqual(
        answer.id === id ? ['replaced', '"new"', [id]] : ['added', '"old"', [id, answer.id]],
      )
      expect(await holder()).toBe(answer.id)
      const rest = await worker.claim(2)
      expect(rest.map(({ payload }) => payload)).toEqual(job?.payload === '"new"' ? [] : ['"new"'])
      await settle(db.store, [...jobs, ...rest], completed)
    }
    expect(outcomes.size).toBeGreaterThan(1)
  })

  it('waits for a claim under way and then adds a successor', async () => {
    const { id } = await add({ ...key, payload: '"old"' })
    const [adding, claiming] = [await connections.open(), await connections.open()]
    const worker = await db.worker()
    await claiming.query('begin')
    const [job] = await worker.claim(1, claiming.store)
    const answer = addTo(adding.store, { ...key, payload: '"new"', onConflict: 'replace' })
    await connections.waits(adding)
    await claiming.query('commit')
    expect(job).toMatchObject({ id, payload: '"old"' })
    const successor = await answer
    expect(successor.status).toBe('added')
    expect(await liveIds()).toEqual([id, successor.id])
  })

  it('replaces after all where that claim comes to nothing', async () => {
    const { id } = await add({ ...key, payload: '"old"' })
    const [adding, claiming] = [await connections.open(), await connections.open()]
    const worker = await db.worker()
    await claiming.query('begin')
    await worker.claim(1, claiming.store)
    const answer = addTo(adding.store, { ...key, payload: '"new"', onConflict: 'replace' })
    await connections.waits(adding)
    await claiming.query('rollback')
    expect(await answer).toEqual({ id, status: 'replaced' })
    expect(await worker.claimOne()).toMatchObject({ id, payload: '"new"', attempt: 1 })
  })
})

describe('a replacement', () => {
  it('resets what it does not name, and keeps id and time of creation', async () => {
    const { id } = await add({
      ...key,
      priority: 3,
      maxAttempts: 2,
      timeout: 1_000,
      tags: ['a'],
      metadata: { a: 1 },
      flags: ['f'],
      serialKey: 's',
    })
    await settle(db.store, [await (await db.worker()).claimOne()], retry)
    const before = await db.store.readJob(id)
    expect(before).toMatchObject({ attempt: 1, errors: [{ message: 'no' }] })
    await db.moveClock('1 h')
    await add({ ...key, payload: '2', onConflict: 'replace', tags: ['b'] })
    const after = await db.store.readJob(id)
    expect(after).toEqual({
      ...before,
      payload: 2,
      priority: 1,
      maxAttempts: 25,
      tags: ['b'],
      metadata: {},
      flags: [],
      serialKey: undefined,
      attempt: 0,
      errors: [],
      state: 'ready',
      scheduledAt: after?.scheduledAt,
    })
    expect(Number(after?.scheduledAt) - Number(before?.scheduledAt)).toBeGreaterThan(3_000_000)
  })

  it('that keeps the schedule changes everything else', async () => {
    const { id } = await add({ ...key, scheduledIn: 60_000, priority: 3 })
    const before = await db.store.readJob(id)
    await add({ ...key, payload: '2', onConflict: 'keep_schedule', scheduledIn: 5_000, queue: 'q' })
    expect(await db.store.readJob(id)).toEqual({ ...before, payload: 2, priority: 1, queue: 'q' })
  })
})

describe('a job whose key went to a successor while it ran', () => {
  async function superseded(): Promise<{
    readonly id: string
    readonly successor: string
    readonly settleIt: (settlement: Settlement) => Promise<ReadonlyMap<string, string>>
  }> {
    const { id } = await add({ ...key, payload: '1' })
    const job = await (await db.worker()).claimOne()
    const answer = await add({ ...key, payload: '2', onConflict: 'replace' })
    expect(answer.status).toBe('added')
    return { id, successor: answer.id, settleIt: (settlement) => settle(db.store, [job], settlement) }
  }
  const reasonOf = (id: string): Promise<unknown> =>
    db.value(
      'select reason from (table kongtask.history union all table kongtask.history_overflow) h where id = $1',
      [id],
    )

  it.each([
    ['is retried', retry],
    ['snoozes', snoozed],
    ['is given back', released],
  ])('is cancelled when it %s', async (_, settlement) => {
    const { id, successor, settleIt } = await superseded()
    expect([...(await settleIt(settlement))]).toEqual([[id, `superseded by ${successor}`]])
    expect(await stateOf(id)).toBe('cancelled')
    expect(await reasonOf(id)).toBe(`superseded by ${successor}`)
    expect(await liveIds()).toEqual([successor])
  })

  it.each([
    ['completed', completed],
    ['dead', dead],
  ])('may still be %s', async (state, settlement) => {
    const { id, successor, settleIt } = await superseded()
    expect([...(await settleIt(settlement))]).toEqual([])
    expect(await stateOf(id)).toBe(state)
    expect(await liveIds()).toEqual([successor])
  })

  it('is told so when it is claimed again after a rescue', async () => {
    const { id, successor } = await superseded()
    await db.query(`update kongtask.workers set expires_at = '-infinity'`)
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: 1 })
    const jobs = await (await db.worker()).claim(5)
    expect(jobs.map((job) => [job.id, job.ended])).toEqual([
      [id, `superseded by ${successor}`],
      [successor, null],
    ])
  })

  it.each([
    ['is retried', retry],
    ['snoozes', snoozed],
    ['is given back', released],
  ])(
    'is cancelled when it %s, also where the successor is long done and its key pruned',
    async (_, settlement) => {
      const { id, successor, settleIt } = await superseded()
      await settle(db.store, [await (await db.worker()).claimOne()], completed)
      await prune()
      expect([...(await settleIt(settlement))]).toEqual([[id, `superseded by ${successor}`]])
      expect(await liveIds()).toEqual([])
      // Then nothing of the key is left.
      expect(await prune()).toBe(1)
    },
  )

  it('is told so by the next claim after a rescue, also where the successor is long done and its key pruned', async () => {
    const { id, successor } = await superseded()
    const worker = await db.worker()
    await settle(db.store, [await worker.claimOne()], completed)
    await db.query(`update kongtask.workers set expires_at = '-infinity' where id <> $1`, [worker.number])
    await db.store.rescueWorkers()
    await prune()
    const next = await add()
    expect(next.status).toBe('added')
    const jobs = await worker.claim(5)
    expect(jobs.map((job) => [job.id, job.ended === null])).toEqual([
      [id, false],
      [next.id, true],
    ])
    expect(jobs[0]?.ended).toMatch(new RegExp(`^superseded by (${successor}|${next.id})$`))
  })

  it('is told so by the next claim, where the successor was not committed when it came back', async () => {
    const { id } = await add()
    const worker = await db.worker()
    const job = await worker.claimOne()
    const open = await connections.open()
    await open.query('begin')
    const successor = await addTo(open.store, { ...key, onConflict: 'replace' })
    // Settling does not wait for somebody's transaction.
    const { store } = await db.session()
    expect([...(await settle(store, [job], retry))]).toEqual([])
    await open.query('commit')
    expect(await holder()).toBe(successor.id)
    const told = new Map((await worker.claim(5)).map((claimed) => [claimed.id, claimed.ended]))
    expect(told).toEqual(
      new Map([
        [id, `superseded by ${successor.id}`],
        [successor.id, null],
      ]),
    )
  })

  it('keeps its key where the successor was rolled back', async () => {
    const { id } = await add()
    const worker = await db.worker()
    const job = await worker.claimOne()
    const open = await connections.open()
    await open.query('begin')
    await addTo(open.store, { ...key, onConflict: 'replace' })
    await open.query('rollback')
    expect([...(await settle(db.store, [job], retry))]).toEqual([])
    expect(await add()).toEqual({ id, status: 'skipped' })
    expect(await worker.claimOne()).toMatchObject({ id, attempt: 2, ended: null })
  })

  it('is one of several, when its successor, too, was running and replaced', async () => {
    const worker = await db.worker()
    const ids: string[] = []
    const jobs = []
    for (let n = 0; n < 3; n += 1) {
      ids.push((await add({ ...key, onConflict: 'replace' })).id)
      jobs.push(await worker.claimOne())
    }
    expect(new Set(ids).size).toBe(3)
    const last = await add({ ...key, onConflict: 'replace' })
    await settle(db.store, [await worker.claimOne()], completed)
    await prune()
    for (const job of jobs) {
      expect([...(await settle(db.store, [job], retry))]).toEqual([[job.id, `superseded by ${last.id}`]])
      await prune()
    }
    expect(await holder()).toBeUndefined()
  })
})

describe('redriving', () => {
  it('gets the key back, unless another job has it, each on its own account', async () => {
    const first1 = await addedAnd(dead, { uniqueKey: 'a' })
    const second = await addedAnd(dead, { uniqueKey: 'b' })
    const other = await add({ uniqueKey: 'a' })
    expect(await redrive(db.store, [first1, second, '999999999'])).toEqual(
      expect.arrayContaining([
        { id: first1, status: 'conflict' },
        { id: second, status: 'redriven' },
        { id: '999999999', status: 'missing' },
      ]),
    )
    expect(await stateOf(first1)).toBe('dead')
    expect(await add({ uniqueKey: 'b' })).toEqual({ id: second, status: 'skipped' })
    expect(await add({ uniqueKey: 'a' })).toEqual({ id: other.id, status: 'skipped' })
  })

  it('gets the key back from a finished job without a window, and from nobody', async () => {
    const old = await addedAnd(dead)
    await addedAnd(completed)
    expect(await redrive(db.store, [old])).toEqual([{ id: old, status: 'redriven' }])
    await settle(db.store, [await (await db.worker()).claimOne()], dead)
    await prune()
    expect(await holder()).toBeUndefined()
    expect(await redrive(db.store, [old])).toEqual([{ id: old, status: 'redriven' }])
    expect(await add()).toEqual({ id: old, status: 'skipped' })
  })

  it('is a conflict while the window of another goes on', async () => {
    const old = await addedAnd(dead)
    await addedAnd(completed, { ...key, uniqueFor: 60_000 })
    expect(await redrive(db.store, [old])).toEqual([{ id: old, status: 'conflict' }])
  })

  it('and adding at once: one of them gets the key', async () => {
    const [redriving, ...adders] = await connections.many(4)
    const worker = await db.worker()
    const outcomes = new Set<string>()
    for (let round = 0; round < 40; round += 1) {
      const old = await addedAnd(dead)
      if (round % 2 === 0) await prune()
      const [redriven, answers] = await Promise.all([
        redrive(first([redriving].flatMap((c) => c ?? [])).store, [old]),
        Promise.all(adders.map(({ store }) => addTo(store))),
      ])
      const status = redriven[0]?.status
      outcomes.add(String(status))
      const added = answers.filter((answer) => answer.status === 'added')
      expect(added).toHaveLength(status === 'redriven' ? 0 : 1)
      const id = added[0]?.id ?? old
      expect(answers.map((answer) => answer.id)).toEqual(answers.map(() => id))
      expect(await liveIds()).toEqual([id])
      await settle(db.store, [await worker.claimOne()], completed)
      await db.query('delete from kongtask.dead_letters')
    }
    expect([...outcomes].every((status) => status === 'redriven' || status === 'conflict')).toBe(true)
  })

  it('twice at once brings a letter back once', async () => {
    const [one, other] = [await connections.open(), await connections.open()]
    for (let round = 0; round < 15; round += 1) {
      const old = await addedAnd(dead)
      const answers = await Promise.all([redrive(one.store, [old]), redrive(other.store, [old])])
      expect(answers.flatMap((answer) => answer.map(({ status }) => status)).toSorted()).toEqual([
        'missing',
        'redriven',
      ])
      await settle(db.store, [await (await db.worker()).claimOne()], completed)
    }
  })
})

describe('the pruner', () => {
  it('and adders at once: one of them adds, under a key that stays', async () => {
    const [pruning, ...adders] = await connections.many(4)
    const worker = await db.worker()
    for (let round = 0; round < 40; round += 1) {
      await addedAnd(completed)
      const [, answers] = await Promise.all([
        first([pruning].flatMap((c) => c ?? [])).store.pruneUniqueKeys(),
        Promise.all(adders.map(({ store }) => addTo(store))),
      ])
      const added = answers.filter((answer) => answer.status === 'added')
      expect(added).toHaveLength(1)
      expect(answers.map((answer) => answer.id)).toEqual(answers.map(() => first(added).id))
      expect(await holder()).toBe(first(added).id)
      await settle(db.store, [await worker.claimOne()], completed)
    }
  })

  it('leaves a key that somebody is adding under, without waiting', async () => {
    await addedAnd(completed)
    const open = await connections.open()
    await open.query('begin')
    const { id } = await addTo(open.store)
    const { store } = await db.session()
    expect(await prune(store)).toBe(0)
    await open.query('commit')
    expect(await prune(store)).toBe(0)
    expect(await holder()).toBe(id)
  })

  it('that has just taken a key away lets whoever waits for it make it anew', async () => {
    await addedAnd(completed)
    const [pruning, adding] = [await connections.open(), await connections.open()]
    await pruning.query('begin')
    expect(await prune(pruning.store)).toBe(1)
    const answer = addTo(adding.store)
    await connections.waits(adding)
    await pruning.query('commit')
    const { id, status } = await answer
    expect(status).toBe('added')
    expect(await holder()).toBe(id)
  })

  it('goes through all keys in batches', async () => {
    await db.add(...Array.from({ length: 4_500 }, (_, n) => ({ uniqueKey: `key ${n}` })))
    await db.query('delete from kongtask.jobs where id % 3 <> 0')
    let pruned = 0
    let batch = await db.store.pruneUniqueKeys()
    for (; batch.next !== undefined; batch = await db.store.pruneUniqueKeys(batch.next))
      pruned += batch.pruned
    expect(pruned + batch.pruned).toBe(3_000)
    expect(await db.value('select count(*)::int4 from kongtask.unique_keys')).toBe(1_500)
  })
})

describe.each(['repeatable read', 'serializable'])('a transaction that is %s', (isolation) => {
  /** What happens between its first look and its adding; and what an adder that comes then must be told. */
  interface Scene {
    readonly before?: FixtureJob
    readonly between: (id: string) => Promise<unknown>
    readonly right: Readonly<Record<OnConflict, readonly string[]>>
  }
  const always = (...statuses: string[]): Scene['right'] => ({
    skip: statuses,
    replace: statuses,
    keep_schedule: statuses,
  })
  const run = async (settlement?: Settlement): Promise<void> => {
    const job = await (await db.worker()).claimOne()
    if (settlement !== undefined) await settle(db.store, [job], settlement)
  }
  const livesOn = { skip: ['skipped'], replace: ['replaced'], keep_schedule: ['replaced'] }
  const scenes: Readonly<Record<string, Scene>> = {
    'the holder completed': { before: key, between: () => run(completed), right: always('added') },
    'the holder died': { before: key, between: () => run(dead), right: always('added') },
    'the holder was claimed': {
      before: key,
      between: () => run(),
      right: { skip: ['skipped'], replace: ['added'], keep_schedule: ['added'] },
    },
    'the holder was claimed and retried': { before: key, between: () => run(retry), right: livesOn },
    'the holder was replaced': {
      before: key,
      between: () => add({ ...key, onConflict: 'replace', queue: 'elsewhere' }),
      right: livesOn,
    },
    'the holder died and was redriven': {
      before: key,
      between: async (id) => {
        await run(dead)
        await redrive(db.store, [id])
      },
      right: livesOn,
    },
    'the holder gave way to another': {
      before: key,
      between: async () => {
        await run(completed)
        await prune()
        await add()
      },
      right: livesOn,
    },
    'somebody else took the key': { between: () => add(), right: livesOn },
    'somebody else took the key, and is done': {
      between: async () => {
        await add()
        await run(completed)
      },
      right: always('added'),
    },
    'somebody else took the key, is done and forgotten': {
      between: async () => {
        await add()
        await run(completed)
        await prune()
      },
      right: always('added'),
    },
    'a window began': {
      between: async () => {
        await add({ ...key, uniqueFor: 60_000 })
        await run(completed)
      },
      right: always('skipped'),
    },
    nothing: { before: key, between: () => Promise.resolve(), right: livesOn },
    'nothing, and there was nobody': { between: () => Promise.resolve(), right: always('added') },
  }

  const begin = async (session: Session): Promise<void> => {
    await session.query(`begin isolation level ${isolation}`)
    await session.query('select count(*) from kongtask.jobs')
  }

  describe.each(Object.keys(scenes))('while %s', (name) => {
    it.each(policies)('is told what is right, or that it cannot go on: %s', async (onConflict) => {
      const scene = scenes[name]
      if (scene === undefined) throw new Error('there is no such scene')
      // The names are there already: they are not what this is about.
      await add({ uniqueKey: 'another', queue: 'elsewhere' })
      await db.query('delete from kongtask.jobs')
      await db.query('delete from kongtask.unique_keys')
      const id = scene.before === undefined ? '' : (await add(scene.before)).id
      const open = await connections.open()
      await begin(open)
      await scene.between(id)
      const live = await liveIds()
      let answer: AddedJob | undefined
      try {
        answer = await addTo(open.store, { ...key, onConflict })
        await open.query('commit')
      } catch (thrown) {
        if (!isCode(thrown, '40001')) throw thrown
        await open.query('rollback')
      }
      expect(answer === undefined ? await liveIds() : live).toEqual(live)
      // Not for ever: whoever begins anew is told.
      answer ??= await addTo(open.store, { ...key, onConflict })
      expect(scene.right[onConflict]).toContain(answer.status)
      expect(await liveIds()).toEqual(answer.status === 'added' ? [...live, answer.id] : live)
      expect(await holder()).toBe(answer.id)
    })
  })

  it('keeps nobody from settling the job that made it skip', async () => {
    const { id } = await add()
    const job = await (await db.worker()).claimOne()
    const open = await connections.open()
    await begin(open)
    expect(await addTo(open.store)).toEqual({ id, status: 'skipped' })
    const { store } = await db.session()
    await settle(store, [job], completed)
    await open.query('commit')
  })
})
