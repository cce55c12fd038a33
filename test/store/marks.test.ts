// Claims that begin at marks, and never look from the start: whatever is added, comes back, is let go or moved meanwhile,
// nothing that can be claimed may ever lie behind a mark.
// KONGTASK_MARKS_SEED=… runs other commands, KONGTASK_MARKS_RUNS=… more of them; KONGTASK_SHRINK=1 looks for a shorter list.
/* oxlint-disable vitest/no-standalone-expect, vitest/expect-expect -- the commands of the one test expect */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Settlement } from '../../src/core/settlement.ts'
import type { Claimed, ClaimedJob } from '../../src/store/claim-jobs.ts'
import { LowWaterMarks } from '../../src/worker/low-water-marks.ts'
import { eventually } from '../support/wait.ts'
import { newJob, useStore, type FixtureJob, type FixtureWorker, type Session } from './fixture.ts'
import { completed, dead, error, redrive, released, seedOf, settle } from './keyed.ts'

const db = useStore()

const SEED = seedOf('KONGTASK_MARKS_SEED')
const RUNS = Number(process.env['KONGTASK_MARKS_RUNS'] ?? 20)
const LONGEST = 160
const retry: Settlement = { kind: 'retry', delay: 1, error }
const snoozed: Settlement = { kind: 'snoozed', delay: 1 }

/** Who uses a name first is waited for by others who do. */
async function nameAll(...queues: readonly string[]): Promise<void> {
  await db.query(`select kongtask.intern('{work,rest}', $1)`, [queues])
}

/** A process that claims from where it found nothing before, and from nowhere else. */
class MarkedWorker {
  readonly marks = new LowWaterMarks({ interval: Infinity, now: () => 0 })
  readonly worker: FixtureWorker
  #claims = 0

  constructor(worker: FixtureWorker) {
    this.worker = worker
  }

  async claim(total: number, isSurvey = true, shares = false): Promise<Claimed> {
    const marked = this.marks.forClaim()
    this.#claims += 1
    const claimed = await db.store.claimJobs({
      ...this.worker.registration,
      claim: this.#claims,
      queues: 'all',
      total,
      tasks: await db.tasks(),
      isSurvey,
      marks: marked.marks,
      horizon: shares && marked.marks.places.length > 0 ? marked.horizon : undefined,
    })
    this.marks.answered(marked, claimed.end)
    return claimed
  }

  /** Until there is nothing left, also of what others had locked a moment before. */
  async claimAll(): Promise<ClaimedJob[]> {
    const all: ClaimedJob[] = []
    for (;;) {
      const { jobs, dry, nextDueIn } = await this.claim(100)
      all.push(...jobs)
      if (dry && jobs.length === 0 && (nextDueIn === undefined || nextDueIn > 50)) return all
    }
  }

  /** Until all that is there now is older than any transaction, of other databases, too. */
  async catchUp(): Promise<void> {
    const { end } = await this.claim(0)
    await eventually(
      async () => {
        await this.claim(0)
        expect(this.marks.forClaim().horizon ?? 0).toBeGreaterThanOrEqual(end.time.now)
      },
      { within: 30_000 },
    )
  }

  /** Where it would begin to look, as lanes of queues. */
  get places(): number {
    return this.marks.forClaim().marks.places.length
  }
}

type Command =
  | { readonly do: 'add'; readonly jobs: readonly FixtureJob[] }
  /** In a transaction that stays open until `end`. */
  | { readonly do: 'begin'; readonly adder: number; readonly jobs: readonly FixtureJob[] }
  | { readonly do: 'end'; readonly adder: number; readonly how: 'commit' | 'rollback' }
  | {
      readonly do: 'claim'
      readonly worker: number
      readonly limit: number
      readonly isSurvey: boolean
      readonly shares: boolean
    }
  | { readonly do: 'settle'; readonly which: number; readonly settlement: Settlement }
  | { readonly do: 'rescue'; readonly worker: number }
  | { readonly do: 'pause' | 'resume' | 'park' | 'unpark' }
  | { readonly do: 'move'; readonly to: number | 'now' | 'sooner' }
  | { readonly do: 'redrive' }

const some = <const T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const limit = { limit: 1, key: 'crm' }
const plainJob: fc.Arbitrary<FixtureJob> = fc.record({
  priority: some(0, 1, 1, 9),
  task: some('work', 'rest'),
})
const anyJob: fc.Arbitrary<FixtureJob> = fc.oneof(
  { weight: 6, arbitrary: plainJob },
  { weight: 2, arbitrary: some<FixtureJob>({ serialKey: 's' }, { serialKey: 't', priority: 0 }) },
  { weight: 4, arbitrary: some<FixtureJob>({ concurrency: limit }, { concurrency: limit, priority: 9 }) },
  { weight: 1, arbitrary: some<FixtureJob>({ scheduledIn: 2 }, { queue: 'other' }) },
  {
    weight: 1,
    arbitrary: some<FixtureJob>(
      { uniqueKey: 'u', onConflict: 'replace' },
      { uniqueKey: 'u', onConflict: 'keep_schedule' },
    ),
  },
)
const several = (job: fc.Arbitrary<FixtureJob>): fc.Arbitrary<FixtureJob[]> =>
  fc.array(job, { minLength: 1, maxLength: 6 })
const two = fc.nat({ max: 1 })
const three = fc.nat({ max: 2 })

const adding = (jobs: fc.Arbitrary<FixtureJob[]>): fc.Arbitrary<Command> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), jobs }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('begin' as const),
        adder: two,
        // Two unique keys in open transactions would wait for each other.
        jobs: jobs.map((all) => all.filter(({ uniqueKey }) => uniqueKey === undefined)),
      }),
    },
  )

const otherCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      adder: two,
      how: some('commit', 'commit', 'rollback'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      worker: three,
      limit: some(1, 2, 3, 3, 50),
      isSurvey: some(true, false, false),
      shares: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat({ max: 1_000 }),
      settlement: some(completed, completed, retry, snoozed, released, dead),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rescue' as const), worker: two }) },
  { weight: 4, arbitrary: fc.record({ do: some('pause', 'resume', 'resume', 'park', 'unpark') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      to: some<number | 'now' | 'sooner'>(0, 1, 9, 'now', 'sooner'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'redrive' as const }) },
)

const commands = (job: fc.Arbitrary<FixtureJob>): fc.Arbitrary<Command[]> =>
  fc.array(
    fc.oneof({ weight: 7, arbitrary: adding(several(job)) }, { weight: 28, arbitrary: otherCommand }),
    { minLength: LONGEST / 2, maxLength: LONGEST },
  )

/** Half of the lists know nothing special, which claims that are no surveys would leave to others. */
const anyCommands = fc.oneof(commands(anyJob), commands(plainJob))

class Run {
  /** The first is never rescued, and so knows most. */
  readonly workers: MarkedWorker[] = []
  readonly adders: { readonly session: Session; isOpen: boolean }[] = []
  #running: ClaimedJob[] = []
  claims = 0
  /** Claims that began at a mark. */
  marked = 0
  /** Those of them for which claim_ready was enough. */
  markedAtOnce = 0

  static async start(): Promise<Run> {
    const run = new Run()
    await db.empty()
    await nameAll('default', 'other')
    for (let n = 0; n < 3; n++) {
      run.workers.push(new MarkedWorker(await db.worker()))
      run.adders.push({ session: await db.session(), isOpen: false })
    }
    return run
  }

  async obey(order: Command): Promise<void> {
    switch (order.do) {
      case 'add':
        await db.add(...order.jobs)
        return
      case 'begin':
        return this.#begin(order.adder, order.jobs)
      case 'end':
        return this.#end(order.adder, order.how)
      case 'claim':
        return this.#claim(order)
      case 'settle':
        return this.#settle(order.which, order.settlement)
      case 'rescue':
        return this.#rescue(order.worker)
      case 'pause':
        return db.store.pauseTask('rest')
      case 'resume':
        await db.store.resumeTask('rest')
        return
      case 'park':
        await db.store.parkJobs()
        return
      case 'unpark':
        await db.store.unparkJobs()
        return
      case 'move':
        return this.#move(order.to)
      case 'redrive':
        await redrive(
          db.store,
          (await db.query('select id::text from kongtask.dead_letters')).map(({ id }) => String(id)),
        )
        return
      default:
        order satisfies never
    }
  }

  /** All that is there and may run is found by claims that look no further back than they think they must. */
  async finish(): Promise<void> {
    for (const adder of this.adders.keys()) await this.#end(adder, 'commit')
    const [worker] = this.workers
    if (worker === undefined) return
    await db.store.resumeTask('rest')
    for (let n = 0; n < 3; n++) this.#running.push(...(await worker.claimAll()))
    while ((await db.store.unparkJobs()) > 0);
    for (const each of this.#running) await settle(db.store, [each], completed)
    // What waits for a serial key or a limit comes one by one.
    for (let found = await worker.claimAll(); found.length > 0; found = await worker.claimAll()) {
      await settle(db.store, found, completed)
    }
    expect(await db.query('select id, lane, run_at, task_id from kongtask.jobs')).toEqual([])
  }

  async #begin(index: number, added: readonly FixtureJob[]): Promise<void> {
    const adder = this.adders[index]
    if (adder === undefined || adder.isOpen || added.length === 0) return
    await adder.session.query('begin')
    await adder.session.store.insertJobs(added.map(newJob))
    adder.isOpen = true
  }

  async #end(index: number, how: 'commit' | 'rollback'): Promise<void> {
    const adder = this.adders[index]
    if (adder?.isOpen !== true) return
    await adder.session.query(how)
    adder.isOpen = false
  }

  async #claim(order: Extract<Command, { do: 'claim' }>): Promise<void> {
    const { limit: most, isSurvey, shares } = order
    const worker = this.workers[order.worker]
    if (worker === undefined) return
    const { places, paused } = worker.marks.forClaim().marks
    const isMarked = places.length > 0
    const { jobs: claimed, dry, wasSpecial } = await worker.claim(most, isSurvey, shares)
    // Nor is it tried where tasks were paused when the marks were made.
    const isAtOnce = !isSurvey && !shares && paused.length === 0 && wasSpecial !== true
    this.claims += 1
    this.marked += isMarked ? 1 : 0
    this.markedAtOnce += isMarked && isAtOnce ? 1 : 0
    this.#running.push(...claimed)
    if (dry) await this.#expectNothingLeft()
  }

  async #settle(which: number, settlement: Settlement): Promise<void> {
    const [claimed] = this.#running.splice(which % Math.max(1, this.#running.length), 1)
    if (claimed === undefined) return
    await settle(db.store, [claimed], claimed.ended === null ? settlement : completed)
  }

  async #rescue(index: number): Promise<void> {
    const worker = this.workers[index + 1]?.worker.number
    if (worker === undefined) return
    await db.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [worker])
    await db.store.rescueWorkers()
    this.#running = this.#running.filter(({ lease }) => lease.worker !== worker)
    this.workers[index + 1] = new MarkedWorker(await db.worker())
  }

  async #move(to: number | 'now' | 'sooner'): Promise<void> {
    const order = { filter: {}, patience: 10_000 }
    const waiting = (
      await db.query('select id::text from kongtask.jobs where worker = 0 order by id limit 3')
    ).map(({ id }) => String(id))
    if (waiting.length === 0) return
    const targets = { ids: waiting }
    if (typeof to === 'number') {
      await db.store.operateJobs({ kind: 'reprioritise', priority: to }, { ...order, targets })
    } else if (to === 'now') {
      await db.store.operateJobs({ kind: 'run_now' }, { ...order, targets })
    } else {
      await db.store.operateJobs({ kind: 'reschedule', at: undefined, delay: 1 }, { ...order, targets })
    }
  }

  async #expectNothingLeft(): Promise<void> {
    // Those with keys or limits may have to wait without having been met yet.
    const left = await db.query(
      `select j.id, j.lane, j.run_at from kongtask.jobs j
        where j.lane & 112 = 0 and j.worker = 0 and j.serial_key is null and j.limits is null
          and j.run_at < clock_timestamp() - interval '20 ms'
          and not exists (select from kongtask.tasks t where t.id = j.task_id and t.paused_at is not null)`,
    )
    expect(left).toEqual([])
  }
}

it(`nothing that can be claimed lies behind a mark (seed ${SEED})`, async () => {
  let [claims, marked, markedAtOnce] = [0, 0, 0]
  await fc.assert(
    fc.asyncProperty(anyCommands, async (orders) => {
      const run = await Run.start()
      try {
        for (const order of orders) await run.obey(order)
        await run.finish()
      } finally {
        claims += run.claims
        marked += run.marked
        markedAtOnce += run.markedAtOnce
        await db.endSessions()
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: process.env['KONGTASK_SHRINK'] === undefined },
  )
  // Else it says nothing. How many there are, other databases decide, too: their transactions hold the marks.
  expect(marked).toBeGreaterThan(claims / 10)
  expect(markedAtOnce).toBeGreaterThan(claims / 50)
}, 120_000)

describe('a claim', () => {
  beforeEach(() => nameAll('default'))

  it('begins where the last one ended, once all that began before have ended', async () => {
    await db.add(...Array.from({ length: 6 }, () => ({})))
    const worker = new MarkedWorker(await db.worker())
    expect((await worker.claim(2)).jobs).toHaveLength(2)
    expect(worker.places).toBe(0)
    await worker.catchUp()
    expect((await worker.claim(2)).jobs).toHaveLength(2)
    expect((await worker.claim(1)).jobs).toHaveLength(1)
    // Lane 0 is behind us, and a part of lane 1.
    const marked = worker.marks.forClaim().marks.places.filter(({ at }) => at > 0)
    expect(marked).toMatchObject([{ lane: 0 }, { lane: 1 }])
    expect((await worker.claim(5)).jobs).toHaveLength(1)
    expect(worker.marks.forClaim().marks.places).toMatchObject([{ lane: -1 }])
  })

  it('passes nothing that is younger than a transaction which may still add', async () => {
    const adder = await db.session()
    await adder.query('begin')
    await adder.store.insertJobs([newJob({})])
    const worker = new MarkedWorker(await db.worker())
    await db.add({}, {})
    for (let n = 0; n < 5; n++) await worker.claim(2)
    await adder.query('commit')
    expect((await worker.claim(2)).jobs).toHaveLength(1)
  })

  it('looks from the start where the clock was put back', async () => {
    const worker = new MarkedWorker(await db.worker())
    await db.moveClock('1 day')
    await worker.catchUp()
    await worker.claim(2)
    expect(worker.places).toBe(1)
    await db.moveClock('0 s')
    await db.add({}, {})
    expect((await worker.claim(1)).jobs).toHaveLength(1)
    expect((await worker.claim(1)).jobs).toHaveLength(1)
  })
})

describe('claims of many', () => {
  beforeEach(() => nameAll('default'))

  /** Two with marks, and six jobs, of which the first is locked by somebody while one of the two claims two more. */
  async function passed(): Promise<readonly [MarkedWorker, MarkedWorker]> {
    const [one, other] = [new MarkedWorker(await db.worker()), new MarkedWorker(await db.worker())]
    await db.add({ priority: 0 }, { priority: 0 })
    for (const worker of [one, other]) {
      await worker.catchUp()
      await worker.claim(1)
      expect(worker.places).toBeGreaterThan(0)
    }
    await db.add({}, {}, {}, {}, {}, {})
    for (const worker of [one, other]) await worker.catchUp()
    const somebody = await db.session()
    await somebody.query('begin')
    await somebody.query('select from kongtask.jobs where worker = 0 order by run_at, id limit 1 for update')
    expect((await one.claim(2, true, true)).jobs).toHaveLength(2)
    await somebody.query('rollback')
    return [one, other]
  }

  it('begin where the last of the others ended', async () => {
    const [, other] = await passed()
    const { jobs, dry } = await other.claim(6, true, true)
    expect([jobs.length, dry]).toEqual([3, true])
  })

  it('say to others where they ended, again and again', async () => {
    const [one, other] = await passed()
    expect((await other.claim(1, true, true)).jobs).toHaveLength(1)
    expect((await one.claim(1, true, true)).jobs).toHaveLength(1)
    expect((await other.claim(6, true, true)).jobs).toHaveLength(1)
  })

  it('find what was passed because it was locked as soon as one of them looks for itself', async () => {
    const [, other] = await passed()
    expect((await other.claim(6)).jobs).toHaveLength(4)
  })

  it('begin for themselves where others know other tasks', async () => {
    const [, other] = await passed()
    await db.query(`select kongtask.intern('{another}', '{}')`)
    const { jobs } = await other.claim(6, true, true)
    expect(jobs).toHaveLength(4)
  })

  it('begin for themselves where another task was paused when the others ended', async () => {
    const [, other] = await passed()
    await db.store.pauseTask('rest')
    expect((await other.claim(6, true, true)).jobs).toHaveLength(4)
    await db.store.resumeTask('rest')
  })
})
