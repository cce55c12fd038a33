import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Events } from '../core/events.ts'
import type { TaskEntry } from '../core/task-list.ts'
import { Emitter } from '../runtime/emitter.ts'
import type { Claimed } from '../store/claim-jobs.ts'
import type { Settled } from '../store/settle-jobs.ts'
import type { Store } from '../store/store.ts'
import type { Beat } from '../store/workers.ts'
import { ClaimBook } from './claim-book.ts'
import type { ForbiddenFlags } from './forbidden-flags.ts'
import { Lane } from './lane.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { Worker, type QueueNames } from './worker.ts'
import { claimedJob, noEnd } from '../../test/support/claimed-job.ts'
import { deferred } from '../../test/support/wait.ts'

// What the database is needed for is in test/worker; here is what a real one does too rarely.

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const POLL = 2_000

const refuse = (): never => {
  throw new Error('nothing here asks for this')
}

const alive: Beat = {
  alive: true,
  messages: [],
  others: { rescue: false, absent: false },
  isSeen: true,
}

const unused: Store = {
  migrate: refuse,
  planMigrations: refuse,
  checkSchema: refuse,
  insertJobs: refuse,
  publish: refuse,
  readQueueNames: refuse,
  registerWorker: () => Promise.resolve({ worker: 1, nonce: 'n' }),
  heartbeat: () => Promise.resolve(alive),
  unregisterWorker: () => Promise.resolve(),
  runAlone: refuse,
  findAbsentWorkers: refuse,
  rescueAbsentWorkers: refuse,
  rescueWorkers: refuse,
  claimJobs: refuse,
  settleJobs: refuse,
  completeJob: refuse,
  concludeJobs: refuse,
  sweepCompletions: refuse,
  findChores: refuse,
  readSteps: refuse,
  storeStep: refuse,
  pruneRecords: refuse,
  storeProgress: refuse,
  storeLogs: refuse,
  readLogs: refuse,
  readJob: refuse,
  readEnds: refuse,
  listJobs: refuse,
  walkJobs: refuse,
  groupDeadLetters: refuse,
  operateJobs: refuse,
  pruneUniqueKeys: refuse,
  liftGates: refuse,
  takeTurn: refuse,
  extendDays: refuse,
  dropExpiredDays: refuse,
  pruneOverflow: refuse,
  listQueues: refuse,
  limitQueue: refuse,
  pauseQueue: refuse,
  resumeQueue: refuse,
  listTasks: refuse,
  pauseTask: refuse,
  resumeTask: refuse,
  parkJobs: refuse,
  unparkJobs: refuse,
  listWorkers: refuse,
  drainWorker: refuse,
  workerGone: refuse,
  unlockWorker: refuse,
  explainJob: refuse,
  readClock: refuse,
  readFlowMark: refuse,
  readFlow: refuse,
  dueSchedules: refuse,
  fireSchedule: refuse,
  declareSchedules: refuse,
  readSchedules: refuse,
  resealSchedule: refuse,
  createSchedule: refuse,
  changeSchedule: refuse,
  pauseSchedule: refuse,
  resumeSchedule: refuse,
  deleteSchedule: refuse,
  runSchedule: refuse,
  listScheduleChanges: refuse,
  listScheduleTicks: refuse,
  pruneSchedules: refuse,
}

const known: QueueNames = { has: () => true, name: String, refresh: refuse }

interface Parts {
  readonly store: Partial<Store>
  readonly lane: Lane
  readonly queues?: QueueNames
  readonly forbiddenFlags?: ForbiddenFlags
  /** @default returns at once */
  readonly handle?: TaskEntry['handle']
}

/** A worker over a database of the test's own. Time is virtual. */
class Bench implements AsyncDisposable {
  readonly weather: unknown[] = []
  readonly book = new ClaimBook()
  readonly lease: LeaseKeeper
  readonly worker: Worker

  constructor({ store: given, lane, queues = known, forbiddenFlags, handle = () => 'done' }: Parts) {
    const store = { ...unused, ...given }
    const now = (): number => Date.now()
    const events = new Emitter<Events>(refuse)
    events.on('worker.weather', ({ error }) => this.weather.push(error))
    const times = { lease: 15_000, interval: 5_000, now }
    this.lease = new LeaseKeeper({ store, book: this.book, info: {}, onWeather: refuse, ...times })
    this.worker = new Worker({
      store,
      lanes: lane,
      lease: this.lease,
      book: this.book,
      tasks: new Map([
        [
          1,
          {
            name: 'work',
            defaults: {},
            hasContract: false,
            schema: undefined,
            raw: false,
            handle,
          },
        ],
      ]),
      queues,
      forbiddenFlags,
      services: {
        logger: { debug: refuse, info: refuse, warn: refuse, error: refuse },
        pool: { query: refuse, connect: refuse },
        adder: refuse,
        onTransaction: refuse,
      },
      events,
      onDrain: refuse,
      pollInterval: POLL,
      now,
    })
  }

  async start(): Promise<void> {
    await this.lease.start()
    this.worker.start()
  }

  register(): Promise<void> {
    return this.lease.start()
  }

  runUntilDry(): Promise<void> {
    return this.worker.runUntilDry()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopping = this.worker.stop(0)
    await vi.advanceTimersByTimeAsync(20_000)
    await stopping
    await this.lease.stop()
  }
}

const written: Settled = { refused: new Set(), ended: new Map() }
const dry: Claimed = { jobs: [], dry: true, nextDueIn: undefined, end: noEnd }

it('runs jobs of a queue whose name it cannot read just now: what is claimed must end in the settler', async () => {
  const settled: string[] = []
  const gone = new Error('connection reset')
  const claims: Claimed[] = [{ ...dry, jobs: [claimedJob('1', { queueId: 99 })] }]
  await using bench = new Bench({
    lane: new Lane(1, Date.now()),
    store: {
      claimJobs: async () => claims.shift() ?? dry,
      settleJobs: async ({ jobs }) => {
        settled.push(...jobs.map(({ id, settlement }) => `${id} ${settlement.kind}`))
        return written
      },
    },
    queues: { has: () => false, name: String, refresh: () => Promise.reject(gone) },
  })
  await bench.start()
  await vi.advanceTimersByTimeAsync(100)
  expect(settled).toEqual(['1 completed'])
  expect([bench.weather, bench.book.claims]).toEqual([[gone], []])
})

it('claims no more while thousands wait to be settled, and goes on as soon as they are', async () => {
  // Polls and heartbeats come at full seconds, so that neither can be what wakes the worker at the end.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let claims = 0
  await using bench = new Bench({
    lane: new Lane(1_000, Date.now()),
    store: {
      claimJobs: async ({ total }) => {
        claims += 1
        if (claims > 7) return dry
        return {
          jobs: Array.from({ length: total }, (_, n) => claimedJob(`${claims}${n}`)),
          dry: false,
          nextDueIn: undefined,
          end: noEnd,
        }
      },
      settleJobs: () => held.then(() => written),
    },
  })
  await bench.start()
  // Polls, too, find it clogged.
  await vi.advanceTimersByTimeAsync(10 * POLL + 500)
  expect(claims).toBe(6)
  release()
  await vi.advanceTimersByTimeAsync(100)
  expect(claims).toBeGreaterThan(6)
})

it('runs dry without the rest that settlements otherwise have between them', async () => {
  let ready: string[] = []
  const settled: string[] = []
  await using bench = new Bench({
    lane: new Lane(1, Date.now()),
    store: {
      claimJobs: async () => ({ ...dry, jobs: ready.splice(0).map((id) => claimedJob(id)) }),
      settleJobs: async ({ jobs }) => {
        settled.push(...jobs.map(({ id }) => id))
        return written
      },
    },
  })
  await bench.register()
  let runs = 0
  for (const id of ['1', '2']) {
    ready = [id]
    void bench.runUntilDry().then(() => (runs += 1))
    await vi.advanceTimersByTimeAsync(1)
  }
  expect([runs, settled]).toEqual([2, ['1', '2']])
})

describe('a job that runs alone', () => {
  const suspect = claimedJob('1', { crashes: 2 })

  /** The suspect and one that is none come with one claim; handlers end when the test says so. */
  function claimingBoth(given: Partial<Store> = {}) {
    const claims: Claimed[] = [{ ...dry, jobs: [suspect, claimedJob('2')] }]
    const started: string[] = []
    const told: (string | undefined)[] = []
    const settled: string[] = []
    const ended = deferred()
    const bench = new Bench({
      lane: new Lane(3, Date.now()),
      store: {
        claimJobs: async () => claims.shift() ?? dry,
        runAlone: async (_, job) => told.push(job?.id) > 0,
        settleJobs: async ({ jobs }) => {
          settled.push(...jobs.map(({ id, settlement }) => `${id} ${settlement.kind}`))
          return written
        },
        ...given,
      },
      handle: (_, { job }) => {
        started.push(job.id)
        return ended.promise
      },
    })
    return { bench, started, told, settled, end: () => ended.resolve() }
  }
  const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1)

  it('is settled before another starts: should that end the process, it is not taken for what did', async () => {
    const wrote = deferred()
    const both = claimingBoth({ settleJobs: () => wrote.promise.then(() => written) })
    await using bench = both.bench
    await bench.start()
    await soon()
    both.end()
    await vi.advanceTimersByTimeAsync(1_000)
    expect([both.told, both.started]).toEqual([['1'], ['1']])
    wrote.resolve()
    await soon()
    expect(both.started).toEqual(['1', '2'])
  })

  it('is not started where the database says that this process was declared dead, and it starts anew', async () => {
    let workers = 0
    const both = claimingBoth({
      registerWorker: async () => ({ worker: (workers += 1), nonce: 'n' }),
      runAlone: async () => false,
    })
    await using bench = both.bench
    await bench.start()
    await soon()
    expect([both.started, workers, bench.lease.registration?.worker]).toEqual([[], 2, 2])
    expect(both.settled.toSorted()).toEqual(['1 released', '2 released'])
  })

  it('is started where the database cannot be told: then a crash is only counted', async () => {
    const unreachable = new Error('connection reset')
    const both = claimingBoth({ runAlone: () => Promise.reject(unreachable) })
    await using bench = both.bench
    await bench.start()
    await soon()
    expect([both.started, bench.weather]).toEqual([['1'], [unreachable]])
    both.end()
  })

  it('does so no more in the eyes of the database once its process stops, which may be ended roughly', async () => {
    const both = claimingBoth()
    await using bench = both.bench
    await bench.start()
    await soon()
    const stopped = bench.worker.stop(5_000)
    await soon()
    expect([both.started, both.told]).toEqual([['1'], ['1', undefined]])
    both.end()
    await vi.advanceTimersByTimeAsync(5_000)
    await stopped
    expect(both.settled.toSorted()).toEqual(['1 completed', '2 released'])
  })

  it('which the database is still being told of when its process stops does so no more behind that', async () => {
    const said: string[] = []
    const heard = deferred()
    const both = claimingBoth({
      runAlone: async (_, job) => {
        if (job !== undefined) await heard.promise
        return said.push(job?.id ?? 'none') > 0
      },
    })
    await using bench = both.bench
    await bench.start()
    await soon()
    const stopped = bench.worker.stop(0)
    await vi.advanceTimersByTimeAsync(1_000)
    heard.resolve()
    await stopped
    expect([said, both.started]).toEqual([['1', 'none'], []])
  })

  it('and then no other: where none did, a process that stops says nothing of it', async () => {
    await using bench = new Bench({ lane: new Lane(1, Date.now()), store: { claimJobs: async () => dry } })
    await bench.start()
    await bench.worker.stop(0)
    expect(bench.weather).toEqual([])
  })
})

describe('a claim that is on its way', () => {
  /** Its answer, which comes when the test says so. */
  function claimLater(given: Partial<Store> = {}) {
    const answered = deferred<Claimed>()
    const answers = [answered.promise]
    const started: string[] = []
    const settled: string[] = []
    const bench = new Bench({
      lane: new Lane(3, Date.now()),
      store: {
        claimJobs: () => answers.shift() ?? Promise.resolve(dry),
        settleJobs: async ({ worker, jobs }) => {
          settled.push(...jobs.map(({ id, settlement }) => `${id} of ${worker}: ${settlement.kind}`))
          return written
        },
        ...given,
      },
      handle: (_, { job }) => void started.push(job.id),
    })
    return { bench, answers, started, settled, answer: (claimed: Claimed) => answered.resolve(claimed) }
  }
  const bring = (...ids: readonly string[]): Claimed => ({ ...dry, jobs: ids.map((id) => claimedJob(id)) })

  it('starts nothing where its lease is lost when the answer comes', async () => {
    let workers = 0
    const claim = claimLater({ registerWorker: async () => ({ worker: (workers += 1), nonce: 'n' }) })
    await using bench = claim.bench
    await bench.start()
    await bench.lease.lost()
    claim.answer(bring('1'))
    await vi.advanceTimersByTimeAsync(100)
    expect([claim.started, claim.settled]).toEqual([[], ['1 of 1: released']])
    expect(bench.book.claims).toEqual([])
  })

  it('starts nothing where its lease is in doubt then', async () => {
    const beat = deferred<Beat>()
    const claim = claimLater({ heartbeat: () => beat.promise })
    await using bench = claim.bench
    await bench.start()
    await vi.advanceTimersByTimeAsync(15_000)
    claim.answer(bring('1'))
    await vi.advanceTimersByTimeAsync(100)
    beat.resolve(alive)
    expect([claim.started, claim.settled]).toEqual([[], ['1 of 1: released']])
  })

  it('starts nothing where its process stops meanwhile', async () => {
    const claim = claimLater()
    await using bench = claim.bench
    await bench.start()
    const stopped = bench.worker.stop(0)
    claim.answer(bring('1'))
    await vi.advanceTimersByTimeAsync(100)
    await stopped
    expect([claim.started, claim.settled]).toEqual([[], ['1 of 1: released']])
  })

  it('starts no job that is cancelled meanwhile, and others', async () => {
    const claim = claimLater()
    await using bench = claim.bench
    await bench.start()
    bench.worker.told({ kind: 'cancel', job: '1', reason: 'sold out' })
    claim.answer(bring('1', '2'))
    await vi.advanceTimersByTimeAsync(100)
    expect(claim.started).toEqual(['2'])
    expect(claim.settled.toSorted()).toEqual(['1 of 1: cancelled', '2 of 1: completed'])
  })

  it('is the last for which a cancellation is kept: what comes with a later one was retried', async () => {
    const claim = claimLater()
    await using bench = claim.bench
    await bench.start()
    bench.worker.told({ kind: 'cancel', job: '1', reason: 'sold out' })
    claim.answer(dry)
    await vi.advanceTimersByTimeAsync(100)
    const again = claimedJob('1', { lease: { worker: 1, claim: 2 } })
    claim.answers.push(Promise.resolve({ ...dry, jobs: [again] }))
    bench.worker.wake()
    await vi.advanceTimersByTimeAsync(100)
    expect(claim.started).toEqual(['1'])
  })
})

it('stops although who is asked for forbidden flags never answers, which is told', async () => {
  await using bench = new Bench({
    lane: new Lane(1, Date.now()),
    store: {},
    forbiddenFlags: () => new Promise(() => undefined),
  })
  await bench.start()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(bench.weather).toMatchObject([{ code: 'KT_FLAGS_UNANSWERED' }])
  // It asks again with the next poll.
  await vi.advanceTimersByTimeAsync(POLL * 1.1)
  let hasStopped = false
  void bench.worker.stop(0).then(() => (hasStopped = true))
  await vi.advanceTimersByTimeAsync(1)
  expect(hasStopped).toBe(true)
})
