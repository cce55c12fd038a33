import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KongTaskError } from '../core/errors.ts'
import type { Claimed, ClaimRequest } from '../store/claim-jobs.ts'
import { ClaimBook } from './claim-book.ts'
import { Claimer, type Lanes } from './claimer.ts'
import { Lane } from './lane.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { claimedJob, noEnd } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const POLL = 2_000
/** Longer than the longest interval between two looks. */
const ONE_POLL = POLL * 1.1 + 1

const weather = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' })
const fault = Object.assign(new Error('no such function'), { code: '42883' })
const declaredDead = Object.assign(new Error('no longer registered'), { code: 'KT002' })

const dry: Claimed = { jobs: [], dry: true, nextDueIn: undefined, end: noEnd }
const full = (count: number, queueId = 1): Claimed => ({
  jobs: Array.from({ length: count }, (_, index) => claimedJob(String(index), { queueId })),
  dry: false,
  nextDueIn: undefined,
  end: noEnd,
})

type Answer = () => Promise<Claimed>

/** A claimer over a database that answers in turn, the last answer for ever. Time is virtual. */
class Bench {
  readonly requests: ClaimRequest[] = []
  /** When each request was sent. */
  readonly times: number[] = []
  readonly claimed: string[][] = []
  readonly weather: unknown[] = []
  readonly lease: LeaseKeeper
  readonly claimer: Claimer
  isClogged = false
  onRegister: () => Promise<void> = () => Promise.resolve()
  onBeat: () => Promise<boolean> = () => Promise.resolve(true)
  onClaimed: () => Promise<void> = () => Promise.resolve()
  /** Registrations so far. */
  workers = 0
  readonly #start = Date.now()
  readonly #answers: Answer[]

  constructor(lanes: Lanes, ...answers: readonly Answer[]) {
    this.#answers = [...answers]
    this.lease = new LeaseKeeper({
      store: {
        registerWorker: async () => {
          await this.onRegister()
          this.workers += 1
          return { worker: this.workers, nonce: 'n' }
        },
        heartbeat: () =>
          this.onBeat().then((alive) => ({
            alive,
            messages: [],
            others: { rescue: false, absent: false },
            isSeen: true,
          })),
        unregisterWorker: () => Promise.resolve(),
      },
      book: new ClaimBook(),
      lease: 15_000,
      interval: 5_000,
      info: {},
      now: () => Date.now(),
      onWeather: () => undefined,
    })
    this.claimer = new Claimer({
      store: {
        claimJobs: (request) => {
          this.requests.push(request)
          this.times.push(Date.now() - this.#start)
          const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
          return (answer ?? (() => Promise.resolve(dry)))()
        },
      },
      lanes,
      lease: this.lease,
      tasks: [1, 2],
      pollInterval: POLL,
      now: () => Date.now(),
      isClogged: () => this.isClogged,
      onClaimed: async (jobs) => {
        this.claimed.push(jobs.map(({ id }) => id))
        await this.onClaimed()
      },
      onWeather: (error) => this.weather.push(error),
    })
    this.lease.holdFor({
      leaseLost: () => undefined,
      leaseRenewed: () => this.claimer.look(),
      told: () => undefined,
    })
  }

  /** One shared lane. */
  static of(slots: number, ...answers: readonly Claimed[]): Bench {
    return new Bench(new Lane(slots, Date.now()), ...answers.map((claimed) => () => Promise.resolve(claimed)))
  }

  async start(): Promise<this> {
    await this.lease.start()
    this.claimer.start()
    await this.pass(0)
    return this
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms)
  }
}

/** Fills a lane's slots, as the dispatcher would. */
function occupy(lane: Lane, slots: number): void {
  for (let n = 0; n < slots; n++) {
    lane.buffer.push(claimedJob(String(n)))
    lane.next(Date.now())
  }
}

describe('what is asked for', () => {
  it('is as many as have room, of any queue where they share, for this worker and its tasks', async () => {
    const bench = await Bench.of(7, dry).start()
    expect(bench.requests).toEqual([
      expect.objectContaining({ worker: 1, nonce: 'n', claim: 1, queues: 'all', total: 7, tasks: [1, 2] }),
    ])
  })

  it('is the job that a dry process was told of, where nothing else is to be asked for', async () => {
    const bench = await Bench.of(7, dry).start()
    bench.claimer.wake({ queue: 3, isReady: true, job: '9' })
    await bench.pass(0)
    bench.claimer.wake({ queue: 3, isReady: true })
    await bench.pass(0)
    expect(bench.requests.map(({ told }) => told)).toEqual([undefined, { queue: 3, id: '9' }, undefined])
  })

  it('is not the job that one lane was told of where another asks as well', async () => {
    const lanes = new Map([
      [5, new Lane(2, 0)],
      [6, new Lane(3, 0)],
    ])
    const bench = await new Bench(lanes, () => Promise.resolve(dry)).start()
    bench.claimer.wake({ queue: 5, isReady: true, job: '9' })
    await bench.pass(0)
    bench.claimer.wake({ queue: 5, isReady: true, job: '10' })
    bench.claimer.wake({ queue: 6, isReady: true, job: '11' })
    await bench.pass(0)
    expect(bench.requests.map(({ told }) => told)).toEqual([undefined, { queue: 5, id: '9' }, undefined])
  })

  it('begins where it would have begun behind a claim of a job that one was told of', async () => {
    const at = (now: number): Claimed => ({
      ...dry,
      end: {
        ...noEnd,
        time: { now, xid: now, xmin: now + 1 },
        ends: [{ queue: 1, lane: -1, at: 0, id: '0' }],
      },
    })
    const told: Claimed = { ...full(1), dry: true, wasTold: true }
    const bench = await Bench.of(7, at(10), at(20), told, at(30)).start()
    bench.claimer.wake({ queue: 1, isReady: true })
    await bench.pass(0)
    bench.claimer.wake({ queue: 1, isReady: true, job: '9' })
    await bench.pass(0)
    expect(bench.requests).toHaveLength(3)
    bench.claimer.wake({ queue: 1, isReady: true })
    await bench.pass(0)
    expect(bench.requests[3]?.marks).toEqual(bench.requests[2]?.marks)
    expect(bench.requests[3]?.marks?.places).toHaveLength(1)
  })

  it('is as many of each queue as its lane has room for; full lanes are not asked for', async () => {
    const lanes = new Map([
      [5, new Lane(2, 0)],
      [6, new Lane(3, 0)],
      [7, new Lane(4, 0)],
    ])
    occupy(lanes.get(6) ?? new Lane(0, 0), 3)
    const bench = await new Bench(lanes, () => Promise.resolve(dry)).start()
    expect(bench.requests[0]).toMatchObject({
      total: 6,
      queues: new Map([
        [5, 2],
        [7, 4],
      ]),
    })
  })

  it('is handed on as it came, and asked for again while there is more', async () => {
    const lane = new Lane(10, Date.now())
    const bench = new Bench(lane, ...[3, 2].map((count) => () => Promise.resolve(full(count))), () =>
      Promise.resolve(dry),
    )
    await bench.start()
    expect(bench.claimed).toEqual([['0', '1', '2'], ['0', '1'], []])
    expect(bench.requests.map(({ claim }) => claim)).toEqual([1, 2, 3])
  })

  it('is nothing while all slots are taken, until one is free', async () => {
    const lane = new Lane(2, Date.now())
    const bench = new Bench(lane, () => Promise.resolve(dry))
    occupy(lane, 2)
    await bench.start()
    await bench.pass(10 * ONE_POLL)
    expect(bench.requests).toEqual([])
    lane.ended(5)
    bench.claimer.look()
    await bench.pass(0)
    expect(bench.requests).toMatchObject([{ total: 1 }])
  })
})

describe('a claimer that knows the database to be dry', () => {
  it('sleeps until the poll, every two seconds ± 10 %', async () => {
    const bench = await Bench.of(5, dry).start()
    expect(bench.times).toEqual([0])
    await bench.pass(POLL * 0.9 - 1)
    expect(bench.times).toHaveLength(1)
    await bench.pass(20 * POLL)
    const waits = bench.times.slice(1).map((at, index) => at - (bench.times[index] ?? 0))
    expect(waits.length).toBeGreaterThan(17)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(POLL * 0.9)
    expect(Math.max(...waits)).toBeLessThanOrEqual(ONE_POLL)
    expect(new Set(waits).size).toBeGreaterThan(5)
  })

  it('is not woken by a free slot', async () => {
    const bench = await Bench.of(5, dry).start()
    bench.claimer.look()
    await bench.pass(0)
    expect(bench.requests).toHaveLength(1)
  })

  it('is woken by news of jobs', async () => {
    const bench = await Bench.of(5, dry, full(1), dry).start()
    bench.claimer.wake({ queue: 99, isReady: true })
    await bench.pass(0)
    expect(bench.claimed).toEqual([[], ['0'], []])
  })

  it('asks for the queue that the news are about, not for the others', async () => {
    const lanes = new Map([
      [5, new Lane(2, 0)],
      [6, new Lane(3, 0)],
    ])
    const bench = await new Bench(lanes, () => Promise.resolve(dry)).start()
    bench.claimer.wake({ queue: 6, isReady: true })
    await bench.pass(0)
    bench.claimer.wake({ queue: 99, isReady: true })
    await bench.pass(0)
    bench.claimer.wake()
    await bench.pass(0)
    expect(bench.requests.map(({ queues }) => (queues === 'all' ? queues : [...queues.keys()]))).toEqual([
      [5, 6],
      [6],
      [5, 6],
    ])
  })

  it('goes on with the queues that had as many as were asked for', async () => {
    const lanes = new Map([
      [5, new Lane(2, 0)],
      [6, new Lane(3, 0)],
    ])
    const half: Claimed = { ...full(2, 5), dry: true }
    const bench = await new Bench(
      lanes,
      () => Promise.resolve(half),
      () => Promise.resolve(dry),
    ).start()
    expect(bench.requests.slice(1)).toMatchObject([{ queues: new Map([[5, 2]]) }])
  })

  it('looks again where it heard of jobs while it asked: they may have come too late for the answer', async () => {
    let answer: (claimed: Claimed) => void = () => undefined
    const asked = (): Promise<Claimed> =>
      new Promise((resolve) => {
        answer = resolve
      })
    const bench = await new Bench(new Lane(5, 0), asked, () => Promise.resolve(dry)).start()
    bench.claimer.wake({ queue: 1, isReady: true })
    answer(dry)
    await bench.pass(0)
    expect(bench.requests).toHaveLength(2)
    await bench.pass(POLL * 0.9 - 1)
    expect(bench.requests).toHaveLength(2)
  })

  it('is awake when the next job falls due, before the poll', async () => {
    const bench = await Bench.of(5, { ...dry, nextDueIn: 700 }, full(1), dry).start()
    await bench.pass(700)
    expect(bench.times).toEqual([0])
    await bench.pass(1)
    expect(bench.times).toEqual([0, 701, 701])
    expect(bench.claimed[1]).toEqual(['0'])
  })

  it('polls as usual where the next job falls due later than that', async () => {
    const bench = await Bench.of(5, { ...dry, nextDueIn: 3_600_000 }).start()
    await bench.pass(ONE_POLL)
    expect(bench.times).toHaveLength(2)
  })
})

describe('a claim that is sent because jobs are ready', () => {
  const ready = { queue: 1, isReady: true }

  /** Whether the next claim, which news of a ready job make it send, is a survey. */
  async function isSurveyNow(bench: Bench): Promise<boolean | undefined> {
    const before = bench.requests.length
    bench.claimer.wake(ready)
    await bench.pass(0)
    expect(bench.requests).toHaveLength(before + 1)
    return bench.requests.at(-1)?.isSurvey
  }

  it('is no survey, once one has told when the next job falls due', async () => {
    const bench = await Bench.of(5, dry).start()
    expect(bench.requests).toMatchObject([{ isSurvey: true }])
    for (let n = 0; n < 3; n++) expect(await isSurveyNow(bench)).toBe(false)
  })

  it('is a survey for a second after one that met something special', async () => {
    const bench = await Bench.of(5, dry, { ...dry, wasSpecial: true }, dry).start()
    expect(await isSurveyNow(bench)).toBe(false)
    expect(await isSurveyNow(bench)).toBe(true)
    await bench.pass(999)
    expect(await isSurveyNow(bench)).toBe(true)
    await bench.pass(1)
    expect(await isSurveyNow(bench)).toBe(false)
  })

  it('is one for a second more after each that met something special', async () => {
    const special = { ...dry, wasSpecial: true }
    const bench = await Bench.of(5, dry, special, special, dry).start()
    expect(await isSurveyNow(bench)).toBe(false)
    await bench.pass(1_000)
    expect(await isSurveyNow(bench)).toBe(false)
    await bench.pass(500)
    expect(await isSurveyNow(bench)).toBe(true)
  })
})

describe('two claims at a time', () => {
  /** A lane whose handlers are so quick that they take more than one claim brings. */
  function quickLane(): Lane {
    const lane = new Lane(10, Date.now())
    for (let n = 0; n < 10_000; n++) lane.ended(0.001)
    lane.running = 0
    vi.setSystemTime(Date.now() + 2)
    return lane
  }

  it('are on their way where handlers are quicker than claims, and no third one', async () => {
    const asked = (): Promise<Claimed> => new Promise(() => undefined)
    const bench = await new Bench(quickLane(), asked).start()
    for (let n = 0; n < 5; n++) bench.claimer.wake()
    await bench.pass(10 * ONE_POLL)
    expect(bench.requests).toMatchObject([{ claim: 1 }, { claim: 2 }])
  })

  it('are both waited for when the claimer stops', async () => {
    const answers: ((claimed: Claimed) => void)[] = []
    const asked = (): Promise<Claimed> => new Promise((resolve) => answers.push(resolve))
    const bench = await new Bench(quickLane(), asked).start()
    let stopped = false
    void bench.claimer.stop().then(() => (stopped = true))
    for (const answer of answers) {
      await bench.pass(1_000)
      expect(stopped).toBe(false)
      answer(full(2))
    }
    await bench.pass(0)
    expect([stopped, bench.claimed.length, bench.requests.length]).toEqual([true, 2, 2])
  })

  it('are vouched for, each until it was taken in', async () => {
    const answers: ((claimed: Claimed) => void)[] = []
    const asked = (): Promise<Claimed> => new Promise((resolve) => answers.push(resolve))
    const bench = await new Bench(quickLane(), asked).start()
    expect([...bench.lease.awaited]).toEqual([1, 2])
    answers[0]?.(dry)
    await bench.pass(0)
    expect([...bench.lease.awaited]).toEqual([2])
  })

  it('fail apart: the other goes on', async () => {
    const answers: { resolve: (claimed: Claimed) => void; reject: (why: unknown) => void }[] = []
    const asked = (): Promise<Claimed> =>
      new Promise((resolve, reject) => void answers.push({ resolve, reject }))
    const bench = await new Bench(quickLane(), asked).start()
    answers[0]?.reject(fault)
    await bench.pass(0)
    answers[1]?.resolve(full(3))
    await bench.pass(0)
    expect([bench.weather, bench.claimed]).toEqual([[fault], [['0', '1', '2']]])
  })
})

describe('one claim at a time, elsewhere,', () => {
  it('is on its way, whatever is heard meanwhile', async () => {
    let answer: (claimed: Claimed) => void = () => undefined
    const asked = (): Promise<Claimed> =>
      new Promise((resolve) => {
        answer = resolve
      })
    const bench = await new Bench(new Lane(5, 0), asked).start()
    for (let n = 0; n < 5; n++) bench.claimer.wake()
    await bench.pass(10 * ONE_POLL)
    expect(bench.requests).toHaveLength(1)
    answer(full(1))
    await bench.pass(0)
    expect(bench.requests).toHaveLength(2)
  })

  it('is so until what came was taken in', async () => {
    const bench = Bench.of(5, full(1))
    bench.onClaimed = () => new Promise(() => undefined)
    await bench.start()
    bench.claimer.wake()
    await bench.pass(ONE_POLL)
    expect(bench.requests).toHaveLength(1)
  })

  it('is waited for when the claimer stops, and is the last', async () => {
    let answer: (claimed: Claimed) => void = () => undefined
    const asked = (): Promise<Claimed> =>
      new Promise((resolve) => {
        answer = resolve
      })
    const bench = await new Bench(new Lane(5, 0), asked).start()
    let stopped = false
    void bench.claimer.stop().then(() => (stopped = true))
    await bench.pass(1_000)
    expect(stopped).toBe(false)
    answer(full(2))
    await bench.pass(0)
    expect([stopped, bench.claimed, bench.requests.length]).toEqual([true, [['0', '1']], 1])
    bench.claimer.wake()
    await bench.pass(ONE_POLL)
    expect(bench.requests).toHaveLength(1)
  })

  it('is not even the last where the claimer slept, or never started', async () => {
    const bench = await Bench.of(5, dry).start()
    await bench.claimer.stop()
    expect(bench.requests).toHaveLength(1)
    await Bench.of(5, dry).claimer.stop()
  })
})

describe('no claim is sent', () => {
  it('without a lease; the lease, when it is there, is heard at once', async () => {
    const bench = Bench.of(5, dry)
    bench.claimer.start()
    await bench.pass(ONE_POLL)
    expect(bench.requests).toEqual([])
    await bench.lease.start()
    await bench.pass(0)
    expect(bench.requests).toHaveLength(1)
  })

  it('in doubt about the lease', async () => {
    const bench = await Bench.of(5, dry).start()
    bench.onBeat = () => Promise.reject(weather)
    await bench.pass(15_000)
    const before = bench.requests.length
    bench.claimer.wake()
    await bench.pass(30_000)
    expect(bench.requests).toHaveLength(before)
    bench.onBeat = () => Promise.resolve(true)
    await bench.pass(5_501)
    expect(bench.requests.length).toBeGreaterThan(before)
  })

  it('while too much is unsettled', async () => {
    const bench = Bench.of(5, dry)
    bench.isClogged = true
    await bench.start()
    bench.claimer.wake()
    await bench.pass(5 * ONE_POLL)
    expect(bench.requests).toEqual([])
    bench.isClogged = false
    bench.claimer.look()
    await bench.pass(0)
    expect(bench.requests).toHaveLength(1)
  })
})

describe('a claim that fails', () => {
  const fail =
    (why: unknown): Answer =>
    () =>
      Promise.reject(why)

  it('for weather is tried again under a new number: the first may have happened', async () => {
    const bench = await new Bench(new Lane(5, 0), fail(weather), fail(weather), () =>
      Promise.resolve(dry),
    ).start()
    await bench.pass(1_000)
    expect(bench.requests.map(({ claim, worker }) => [worker, claim])).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
    ])
    expect(bench.weather).toEqual([weather, weather])
  })

  it('for taking too long twice is tried again with half as many jobs: they may be too large', async () => {
    const late = new KongTaskError('KT_DEADLINE', 'too late')
    const bench = await new Bench(
      new Lane(8, 0),
      fail(late),
      fail(weather),
      fail(late),
      fail(late),
      fail(late),
      fail(weather),
      () => Promise.resolve(dry),
    ).start()
    await bench.pass(60_000)
    expect(bench.requests.slice(0, 7).map(({ total }) => total)).toEqual([8, 8, 8, 8, 4, 2, 8])
  })

  it('for taking too long is in the end tried again with a single job', async () => {
    const bench = await new Bench(new Lane(3, 0), fail(new KongTaskError('KT_DEADLINE', 'too late'))).start()
    await bench.pass(60_000)
    expect(bench.requests.slice(0, 6).map(({ total }) => total)).toEqual([3, 3, 1, 1, 1, 1])
    await bench.claimer.stop()
  })

  it('for a reason that lasts is said, and tried again at the next poll', async () => {
    const bench = await new Bench(new Lane(5, 0), fail(fault)).start()
    const before = bench.requests.length
    expect(bench.weather).toEqual(bench.requests.map(() => fault))
    await bench.pass(POLL * 0.9 - 1)
    expect(bench.requests).toHaveLength(before)
    await bench.pass(ONE_POLL - POLL * 0.9)
    expect(bench.requests.length).toBeGreaterThan(before)
  })

  it('because we were declared dead makes us start anew, and goes on as the new worker', async () => {
    const bench = await new Bench(
      new Lane(5, 0),
      fail(declaredDead),
      () => Promise.resolve(full(1)),
      () => Promise.resolve(dry),
    ).start()
    await bench.pass(0)
    expect(bench.requests.map(({ worker, claim }) => [worker, claim])).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
    ])
    expect(bench.claimed).toEqual([['0'], []])
    expect(bench.weather).toEqual([])
  })

  it('after we had registered anew does not cost us the new registration', async () => {
    let refuse: (error: unknown) => void = () => undefined
    const asked = (): Promise<Claimed> =>
      new Promise((_, reject) => {
        refuse = reject
      })
    const bench = await new Bench(new Lane(5, 0), asked, () => Promise.resolve(dry)).start()
    await bench.lease.lost()
    refuse(declaredDead)
    await bench.pass(ONE_POLL)
    expect(bench.workers).toBe(2)
    expect(bench.requests.at(-1)?.worker).toBe(2)
  })

  it('does not keep the claimer from stopping, also while there is no new registration', async () => {
    const weathered = await new Bench(new Lane(5, 0), fail(weather)).start()
    await weathered.claimer.stop()

    const bench = new Bench(new Lane(5, 0), fail(declaredDead))
    await bench.lease.start()
    bench.onRegister = () => Promise.reject(weather)
    bench.claimer.start()
    await bench.pass(60_000)
    let stopped = false
    void bench.claimer.stop().then(() => (stopped = true))
    await bench.pass(60_000)
    expect(stopped).toBe(true)
    await bench.lease.stop()
  })
})

describe('claiming once', () => {
  it('answers how many came, and nothing where it could not ask', async () => {
    const bench = Bench.of(5, full(3), dry)
    expect(await bench.claimer.runOnce()).toBeUndefined()
    await bench.lease.start()
    expect(await bench.claimer.runOnce()).toBe(3)
    expect(await bench.claimer.runOnce()).toBe(0)
    expect(await bench.claimer.runOnce()).toBeUndefined()
    await bench.lease.stop()
  })
})

describe('a claim that has no turn', () => {
  const noTurn: Claimed = { ...dry, dry: false, hadNoTurn: true }

  it('comes back until it has one, under another number each time', async () => {
    const bench = await Bench.of(3, noTurn, noTurn, full(3), dry).start()
    expect(bench.claimed).toEqual([])
    await bench.pass(100)
    expect(bench.requests.slice(0, 3).map(({ claim, total }) => ({ claim, total }))).toEqual([
      { claim: 1, total: 3 },
      { claim: 2, total: 3 },
      { claim: 3, total: 3 },
    ])
    expect(bench.claimed[0]).toEqual(['0', '1', '2'])
    expect([...bench.lease.awaited]).toEqual([])
  })

  it('insists after five seconds, and not before', async () => {
    const bench = await Bench.of(1, noTurn).start()
    await bench.pass(6_000)
    const first = bench.requests.findIndex(({ insists }) => insists === true)
    expect(bench.times[first]).toBeGreaterThan(5_000)
    expect(bench.times[first - 1]).toBeLessThanOrEqual(5_000)
  })

  it('ends with its claimer', async () => {
    const bench = await Bench.of(1, noTurn).start()
    await Promise.all([bench.claimer.stop(), bench.pass(0)])
    const { length } = bench.requests
    await bench.pass(10_000)
    expect(bench.requests).toHaveLength(length)
  })
})
