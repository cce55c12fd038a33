import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TaskEntry } from '../core/task-list.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { Dispatcher } from './dispatcher.ts'
import { LazyJobContext, type ContextServices } from './job-context.ts'
import { Lane } from './lane.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const refuse = (): never => {
  throw new Error('no handler here looks at this')
}

const services: ContextServices = {
  logger: { debug: refuse, info: refuse, warn: refuse, error: refuse },
  pool: { query: refuse, connect: refuse },
  adder: refuse,
  queueName: (queue) => `queue ${queue}`,
  onTransaction: refuse,
  verbs: refuse,
  onProgress: refuse,
}

/** A dispatcher whose handlers take as long as the test says, and its clock, which nothing else moves. */
class Bench {
  readonly started: string[] = []
  readonly ended: string[] = []
  readonly outcomes: string[] = []
  readonly dispatcher: Dispatcher
  time = 0
  lows = 0
  /** Tells the database that a job runs alone. */
  tell: (id: string) => Promise<boolean> = () => Promise.resolve(true)
  /** Whether what ends is settled in a moment; else the test says so. */
  settles = true
  readonly #unsettled = new Map<string, ClaimedJob>()

  /** `handle` works for so many milliseconds without ever waiting, or returns a promise. */
  constructor(slots: number, handle: () => number | Promise<void>) {
    const work = (): unknown => {
      const worked = handle()
      if (typeof worked !== 'number') return worked
      this.time += worked
      return undefined
    }
    const task: TaskEntry = {
      name: 'work',
      defaults: {},
      hasContract: false,
      schema: undefined,
      raw: false,
      handle: work,
    }
    this.dispatcher = new Dispatcher({
      lanes: new Lane(slots, 0),
      tasks: new Map([[1, task]]),
      context: (running, { name }, payload) => new LazyJobContext(running, name, payload, services),
      now: () => this.time,
      tellAlone: (job) => this.tell(job.id),
      onStarted: ({ id }) => this.started.push(id),
      onEnded: (job, { outcome }) => {
        this.ended.push(job.id)
        this.outcomes.push(outcome.kind)
        this.#unsettled.set(job.id, job)
        if (this.settles) queueMicrotask(() => this.settle(job.id))
      },
      onLow: () => (this.lows += 1),
    })
  }

  /** The same of jobs that their processes died with so often. Those that have to go back. */
  takeCrashed(crashes: number, ...ids: readonly string[]): readonly string[] {
    return this.dispatcher.take(ids.map((id) => claimedJob(id, { crashes }))).map(({ id }) => id)
  }

  settle(id: string): void {
    const job = this.#unsettled.get(id)
    if (job !== undefined) this.dispatcher.settled([{ job }])
  }

  /** As an operator does who pauses or cancels; what was taken is to be settled. */
  takeBack(id: string): void {
    for (const job of this.dispatcher.takeBuffered((buffered) => buffered.id === id)) {
      this.#unsettled.set(id, job)
      if (this.settles) this.settle(id)
    }
  }

  /** As a claim brings them. */
  take(...ids: readonly string[]): void {
    this.dispatcher.take(ids.map((id) => claimedJob(id)))
  }
}

/** What waits for the event loop has its turn; what it then asks for has not. */
const turn = (): unknown => vi.advanceTimersToNextTimer()

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

describe('jobs that a claim brings', () => {
  it('start in the same turn of the event loop, however long the turn before is over', () => {
    const bench = new Bench(10, () => 0)
    for (const id of ['1', '2', '3']) {
      bench.time += 1_000
      bench.take(id, `${id}a`)
      expect(bench.started.slice(-2)).toEqual([id, `${id}a`])
    }
    expect(bench.ended).toHaveLength(6)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('start in it although others wait for their own turn', () => {
    const bench = new Bench(10, () => 11)
    bench.take('1', '2', '3')
    expect(bench.started).toEqual(['1'])
    bench.take('4')
    expect(bench.started).toEqual(['1', '2'])
    turn()
    expect(bench.started).toEqual(['1', '2', '3'])
  })

  it('start as far as there are slots, the others in the turn in which one ends', async () => {
    const ends: (() => void)[] = []
    const bench = new Bench(2, () => new Promise<void>((resolve) => void ends.push(resolve)))
    bench.take('1', '2', '3')
    expect(bench.started).toEqual(['1', '2'])
    bench.time += 5
    ends[0]?.()
    await vi.waitFor(() => expect(bench.ended).toEqual(['1']), { interval: 0 })
    expect(bench.started).toEqual(['1', '2', '3'])
  })
})

describe('handlers that never wait', () => {
  it('let the event loop breathe after ten milliseconds', () => {
    const bench = new Bench(10, () => 3)
    bench.take(...numbers(1, 10))
    // At 0, 3, 6 and 9 ms.
    expect(bench.started).toEqual(numbers(1, 4))
    turn()
    expect(bench.started).toEqual(numbers(1, 8))
    turn()
    expect(bench.started).toEqual(numbers(1, 10))
  })

  it('and are quick leave nobody waiting for a breath', () => {
    const bench = new Bench(10, () => 0.001)
    bench.take(...numbers(1, 5_000))
    expect(bench.started).toHaveLength(5_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a job that was there twice when its process died', () => {
  /** Handlers that end when the test says so, in order. */
  function open(slots = 3) {
    const ends: (() => void)[] = []
    const bench = new Bench(slots, () => new Promise<void>((resolve) => ends.push(resolve)))
    const end = async (): Promise<void> => {
      ends.shift()?.()
      await vi.advanceTimersByTimeAsync(0)
    }
    return { bench, end }
  }
  const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)
  /** The database has heard it when the test says so, job by job. */
  function tellingLater(bench: Bench): ReadonlyMap<string, (isOurs: boolean) => void> {
    const told = new Map<string, (isOurs: boolean) => void>()
    bench.tell = (id) => new Promise((resolve) => void told.set(id, resolve))
    return told
  }

  it('runs when nothing else does, after the database was told, and nothing else starts beside it', async () => {
    const { bench, end } = open()
    bench.take('1')
    const told: string[] = []
    bench.tell = async (id) => told.push(`${id} of ${bench.started.length}`) > 0
    expect(bench.takeCrashed(2, 'suspect')).toEqual([])
    await soon()
    expect([bench.started, told, bench.dispatcher.isEmpty]).toEqual([['1'], [], false])
    await end()
    expect([bench.started, told]).toEqual([['1', 'suspect'], ['suspect of 1']])
    bench.take('2', '3')
    expect(bench.started).toEqual(['1', 'suspect'])
    await end()
    bench.take('4')
    expect(bench.started).toEqual(['1', 'suspect', '2', '3', '4'])
  })

  it('runs behind another such job, and before those that are none', async () => {
    const { bench, end } = open(1)
    bench.take('1', '2')
    expect(bench.takeCrashed(2, 'suspect', 'another')).toEqual([])
    for (let n = 0; n < 3; n++) await end()
    expect(bench.started).toEqual(['1', 'suspect', 'another', '2'])
  })

  it('keeps nobody for long who waits: they go back', async () => {
    const { bench, end } = open(1)
    bench.take('1', '2')
    bench.takeCrashed(2, 'suspect', 'another')
    await end()
    expect(bench.dispatcher.takeExcess()).toEqual([])
    bench.time += 501
    expect(bench.dispatcher.takeExcess().map(({ id }) => id)).toEqual(['another', '2'])
    await end()
    expect([bench.started, bench.dispatcher.isEmpty]).toEqual([['1', 'suspect'], true])
  })

  it('lets more be asked for once it has ended, and not before', async () => {
    const { bench, end } = open()
    bench.takeCrashed(2, 'suspect')
    await soon()
    const before = bench.lows
    await end()
    expect(bench.lows).toBeGreaterThan(before)
    expect(bench.dispatcher.isEmpty).toBe(true)
  })

  it('is put off where others take too long, and these go on', async () => {
    const { bench } = open()
    bench.take('1')
    bench.takeCrashed(2, 'suspect')
    await vi.advanceTimersByTimeAsync(10_000)
    expect([bench.ended, bench.outcomes]).toEqual([['suspect'], ['deferred']])
    bench.take('2')
    expect(bench.started).toEqual(['1', '2'])
  })

  it('goes back with the rest when all is to stop, and does not start then', async () => {
    const { bench } = open()
    const told = tellingLater(bench)
    bench.takeCrashed(2, 'suspect')
    await soon()
    expect(bench.dispatcher.drain().map(({ id }) => id)).toEqual(['suspect'])
    told.get('suspect')?.(true)
    await soon()
    expect([bench.started, vi.getTimerCount()]).toEqual([[], 0])
  })

  it('can be taken back while it waits', async () => {
    const { bench, end } = open()
    bench.take('1')
    bench.takeCrashed(2, 'suspect')
    expect(bench.dispatcher.takeBuffered(({ id }) => id === 'suspect')).toHaveLength(1)
    await end()
    expect([bench.started, bench.dispatcher.isEmpty]).toEqual([['1'], true])
  })

  it('leaves its turn to the next where it is taken back when it is about to run', async () => {
    const { bench } = open()
    const told = tellingLater(bench)
    bench.takeCrashed(2, 'suspect', 'another')
    await soon()
    bench.takeBack('suspect')
    told.get('suspect')?.(true)
    await soon()
    expect(bench.started).toEqual([])
    told.get('another')?.(true)
    await soon()
    expect(bench.started).toEqual(['another'])
  })

  it('is not started where it is no longer ours, but goes back, and others go on', async () => {
    const { bench, end } = open()
    bench.tell = async (id) => id !== 'suspect'
    bench.takeCrashed(2, 'suspect', 'another')
    await soon()
    expect([bench.ended, bench.outcomes, bench.started]).toEqual([['suspect'], ['interrupted'], ['another']])
    bench.take('1')
    await end()
    expect(bench.started).toEqual(['another', '1'])
  })

  it('lets nothing start behind it before it is settled: a death would be taken for its doing', async () => {
    const { bench, end } = open()
    const told: string[] = []
    bench.tell = async (id) => told.push(id) > 0
    bench.settles = false
    bench.takeCrashed(2, 'suspect', 'another')
    bench.take('1')
    await end()
    await end()
    expect([bench.ended, told, bench.started]).toEqual([['suspect'], ['suspect'], ['suspect']])
    expect(bench.dispatcher.isEmpty).toBe(false)
    bench.settle('suspect')
    await end()
    expect([told, bench.started]).toEqual([
      ['suspect', 'another'],
      ['suspect', 'another'],
    ])
    await end()
    bench.settle('suspect')
    expect([bench.ended, bench.started]).toEqual([
      ['suspect', 'another'],
      ['suspect', 'another'],
    ])
    bench.settle('another')
    expect(bench.started).toEqual(['suspect', 'another', '1'])
  })

  it('nor where it was told and is taken back, before that is written', async () => {
    const { bench } = open()
    tellingLater(bench)
    bench.settles = false
    bench.takeCrashed(2, 'suspect')
    bench.take('1')
    await soon()
    bench.takeBack('suspect')
    await soon()
    expect(bench.started).toEqual([])
    bench.settle('suspect')
    expect(bench.started).toEqual(['1'])
  })

  it('is put off at once while a handler is at work that has kept one waiting for too long', async () => {
    const { bench, end } = open()
    bench.take('1')
    bench.takeCrashed(2, 'suspect')
    await vi.advanceTimersByTimeAsync(10_000)
    bench.takeCrashed(2, 'another', 'third')
    bench.take('2')
    expect([bench.ended, bench.started]).toEqual([
      ['suspect', 'another', 'third'],
      ['1', '2'],
    ])
    await end()
    // Job 2 has kept nobody waiting yet.
    bench.takeCrashed(2, 'fourth')
    expect(bench.ended.slice(3)).toEqual(['1'])
    await end()
    expect(bench.started).toEqual(['1', '2', 'fourth'])
  })

  it('does not run beside a handler that was left behind, until that returns', async () => {
    const { bench, end } = open()
    bench.take('1')
    bench.dispatcher.abortJob('1', new Error('too late'))
    await vi.advanceTimersByTimeAsync(30_000)
    expect([bench.ended, bench.dispatcher.isEmpty]).toEqual([['1'], true])
    bench.takeCrashed(2, 'suspect')
    await soon()
    expect(bench.started).toEqual(['1'])
    await end()
    expect(bench.started).toEqual(['1', 'suspect'])
  })
})

it('a job that was there once when its process died runs beside others', async () => {
  const bench = new Bench(2, () => new Promise(() => undefined))
  bench.take('1')
  expect(bench.takeCrashed(1, '2')).toEqual([])
  expect(bench.started).toEqual(['1', '2'])
})
