import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Events } from '../core/events.ts'
import { Emitter } from '../runtime/emitter.ts'
import type { Claimed } from '../store/claim-jobs.ts'
import type { Settled } from '../store/settle-jobs.ts'
import type { Store } from '../store/store.ts'
import { ClaimBook } from './claim-book.ts'
import { Lane } from './lane.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { Worker, type QueueNames } from './worker.ts'
import { claimedJob, noEnd } from '../../test/support/claimed-job.ts'

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

const unused: Store = {
  migrate: refuse,
  planMigrations: refuse,
  checkSchema: refuse,
  insertJobs: refuse,
  publish: refuse,
  readQueueNames: refuse,
  registerWorker: () => Promise.resolve({ worker: 1, nonce: 'n' }),
  heartbeat: () =>
    Promise.resolve({
      alive: true,
      messages: [],
      others: { rescue: false, absent: false },
      isSeen: true,
    }),
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
}

/** A worker whose handlers return at once, over a database of the test's own. Time is virtual. */
class Bench implements AsyncDisposable {
  readonly weather: unknown[] = []
  readonly book = new ClaimBook()
  readonly #lease: LeaseKeeper
  readonly #worker: Worker

  constructor({ store: given, lane, queues = known }: Parts) {
    const store = { ...unused, ...given }
    const now = (): number => Date.now()
    const events = new Emitter<Events>(refuse)
    events.on('worker.weather', ({ error }) => this.weather.push(error))
    const times = { lease: 15_000, interval: 5_000, now }
    this.#lease = new LeaseKeeper({ store, book: this.book, info: {}, onWeather: refuse, ...times })
    this.#worker = new Worker({
      store,
      lanes: lane,
      lease: this.#lease,
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
            handle: () => 'done',
          },
        ],
      ]),
      queues,
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
    await this.#lease.start()
    this.#worker.start()
  }

  register(): Promise<void> {
    return this.#lease.start()
  }

  runUntilDry(): Promise<void> {
    return this.#worker.runUntilDry()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopping = this.#worker.stop(0)
    await vi.advanceTimersByTimeAsync(20_000)
    await stopping
    await this.#lease.stop()
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
