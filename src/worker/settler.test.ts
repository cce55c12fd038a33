import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Settlement } from '../core/settlement.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { Settled, SettleRequest } from '../store/settle-jobs.ts'
import { ClaimBook } from './claim-book.ts'
import { Settler } from './settler.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const completed: Settlement = { kind: 'completed', result: undefined }
const substitute: Settlement = {
  kind: 'retry',
  delay: 1_000,
  error: { name: 'Error', message: 'could not be written' },
}

const weather = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' })
const noSuchRight = Object.assign(new Error('permission denied'), { code: '42501' })
const dataFault = Object.assign(new Error('invalid byte sequence'), { code: '22021' })

type Answer = (request: SettleRequest) => Promise<Settled>

const written: Answer = () => Promise.resolve(refusing())

function refusing(...ids: readonly string[]): Settled {
  return { refused: new Set(ids), ended: new Map() }
}

/** A settler, what it sent and what it said. The answers are given in turn, the last one for ever. */
class Bench {
  readonly requests: SettleRequest[] = []
  readonly settled: string[] = []
  readonly refused: (readonly [id: string, answered: boolean])[] = []
  readonly weather: unknown[] = []
  readonly book = new ClaimBook()
  flushes = 0
  readonly settler: Settler
  readonly #answers: Answer[]

  constructor(...answers: readonly Answer[]) {
    this.#answers = [...answers]
    this.settler = new Settler({
      store: {
        settleJobs: (request) => {
          this.requests.push(request)
          const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
          return (answer ?? written)(request)
        },
      },
      book: this.book,
      onSettled: ({ id }, { kind }) => this.settled.push(`${id} ${kind}`),
      onRefused: ({ id }, _, answered) => this.refused.push([id, answered]),
      onFlushed: () => (this.flushes += 1),
      onWeather: (error) => this.weather.push(error),
      onUnwritable: () => substitute,
      now: () => performance.now(),
    })
  }

  add(...jobs: readonly ClaimedJob[]): void {
    this.book.opened(jobs)
    for (const job of jobs) this.settler.add(job, completed)
  }

  /** The ids of each batch. */
  get batches(): string[][] {
    return this.requests.map(({ jobs }) => jobs.map(({ id }) => id))
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms)
  }

  /** Everything is written; a minute of retries at the most. */
  async flushed(): Promise<void> {
    let done = false
    void this.settler.flushed().then(() => (done = true))
    await this.pass(60_000)
    if (!done) throw new Error('not all is written')
  }
}

/** Answers when the test says so. */
function held(): { readonly answer: Answer; release(): void } {
  let release = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { answer: () => promise.then(() => refusing()), release: () => release() }
}

function manyJobs(count: number, from = 1): ClaimedJob[] {
  return Array.from({ length: count }, (_, index) => claimedJob(String(from + index)))
}

/** Refuses every batch that holds one of these ids with a fault of its data. */
function faulty(...ids: readonly string[]): Answer {
  return (request) =>
    request.jobs.some(({ id, settlement }) => ids.includes(id) && settlement === completed)
      ? Promise.reject(dataFault)
      : written(request)
}

describe('batches', () => {
  it('hold what ends in the same turn of the event loop', async () => {
    const bench = new Bench(written)
    bench.add(...manyJobs(3))
    expect(bench.requests).toEqual([])
    expect(bench.settler.backlog).toBe(3)
    await bench.flushed()
    expect(bench.batches).toEqual([['1', '2', '3']])
    expect(bench.settled).toEqual(['1 completed', '2 completed', '3 completed'])
    expect([bench.settler.backlog, bench.flushes]).toEqual([0, 1])
  })

  it('are on their way one at a time; what comes meanwhile makes the next', async () => {
    const first = held()
    const bench = new Bench(first.answer, written)
    bench.add(...manyJobs(1))
    await bench.pass(0)
    bench.add(...manyJobs(1, 2))
    await bench.pass(1_000)
    bench.add(...manyJobs(2, 3))
    await bench.pass(1_000)
    expect(bench.batches).toEqual([['1']])
    expect([bench.settler.backlog, bench.settled]).toEqual([4, []])
    first.release()
    await bench.flushed()
    expect(bench.batches).toEqual([['1'], ['2', '3', '4']])
  })

  it('are of one worker and one queue each', async () => {
    const bench = new Bench(written)
    bench.add(
      claimedJob('1', { queueId: 7 }),
      claimedJob('2', { queueId: 8 }),
      claimedJob('3', { queueId: 7 }),
      claimedJob('4', { queueId: 7, lease: { worker: 2, claim: 5 } }),
    )
    await bench.flushed()
    expect(bench.requests.map(({ worker, queue }) => [worker, queue])).toEqual([
      [1, 7],
      [1, 8],
      [2, 7],
    ])
    expect(bench.batches).toEqual([['1', '3'], ['2'], ['4']])
  })

  it('hold a thousand at the most', async () => {
    const bench = new Bench(written)
    bench.add(...manyJobs(2_500))
    await bench.flushed()
    expect(bench.batches.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
    expect(new Set(bench.batches.flat()).size).toBe(2_500)
  })

  it('hold four million characters of results at the most, or a single job', async () => {
    const bench = new Bench(written)
    const results = [0, 3_000_000, 1_000_000, 1_000_000, 5_000_000, 1]
    const jobs = manyJobs(results.length)
    bench.book.opened(jobs)
    for (const [index, length] of results.entries()) {
      const job = jobs[index]
      if (job !== undefined) bench.settler.add(job, { kind: 'completed', result: 'x'.repeat(length) })
    }
    await bench.flushed()
    expect(bench.batches).toEqual([['1', '2', '3'], ['4'], ['5'], ['6']])
    expect(bench.book.claims).toEqual([])
  })

  it('hold four million characters of errors at the most', async () => {
    const bench = new Bench(written)
    const jobs = manyJobs(3)
    bench.book.opened(jobs)
    const error = { name: 'Error', message: 'x'.repeat(1_500_000) }
    for (const job of jobs) bench.settler.add(job, { kind: 'retry', delay: 1_000, error })
    await bench.flushed()
    expect(bench.batches).toEqual([['1', '2'], ['3']])
  })

  it('carry each settlement with its lease, and the claims that end with them', async () => {
    const bench = new Bench(written)
    bench.book.opened([claimedJob('9', { lease: { worker: 1, claim: 2 } })])
    bench.add(claimedJob('1', { kept: false }), claimedJob('2', { lease: { worker: 1, claim: 2 } }))
    await bench.flushed()
    expect(bench.requests[0]).toMatchObject({
      closed: [1],
      jobs: [
        { id: '1', kept: false, lease: { worker: 1, claim: 1 }, settlement: completed },
        { id: '2', kept: true, lease: { worker: 1, claim: 2 } },
      ],
    })
    expect(bench.book.claims).toEqual([2])
  })

  it('are all written when `flushed` resolves, also those that came late', async () => {
    const first = held()
    const bench = new Bench(first.answer, written)
    await bench.settler.flushed()
    bench.add(...manyJobs(1))
    let done = false
    void bench.settler.flushed().then(() => (done = true))
    await bench.pass(0)
    bench.add(...manyJobs(1, 2))
    await bench.pass(10_000)
    expect(done).toBe(false)
    first.release()
    await bench.pass(0)
    expect([done, bench.settled.length]).toEqual([true, 2])
  })
})

describe('between two rounds of batches', () => {
  /** A settler that has just written a first job. */
  async function rested(): Promise<Bench> {
    const bench = new Bench(written)
    bench.add(...manyJobs(1))
    await bench.pass(0)
    // Nobody was there to wait for.
    expect(bench.batches).toEqual([['1']])
    return bench
  }

  it('five milliseconds pass, for what else ends meanwhile', async () => {
    const bench = await rested()
    bench.add(...manyJobs(1, 2))
    await bench.pass(3)
    bench.add(...manyJobs(1, 3))
    await bench.pass(1)
    expect(bench.batches).toEqual([['1']])
    expect(bench.settler.backlog).toBe(2)
    await bench.pass(1)
    expect(bench.batches).toEqual([['1'], ['2', '3']])
  })

  it('they pass once for all queues', async () => {
    const bench = await rested()
    bench.add(claimedJob('2', { queueId: 7 }), claimedJob('3', { queueId: 8 }))
    await bench.pass(4)
    expect(bench.batches).toEqual([['1']])
    await bench.pass(1)
    expect(bench.batches).toEqual([['1'], ['2'], ['3']])
  })

  it('they pass although the jobs were fifty together with those that were being written', async () => {
    const first = held()
    const bench = new Bench(first.answer, written)
    bench.add(...manyJobs(40))
    await bench.pass(0)
    bench.add(...manyJobs(10, 41))
    first.release()
    await bench.pass(4)
    expect(bench.batches).toHaveLength(1)
    await bench.pass(1)
    expect(bench.batches).toHaveLength(2)
  })

  it('they pass although somebody waited for all when there was nothing', async () => {
    const bench = new Bench(written)
    await bench.settler.flushed()
    bench.add(...manyJobs(1))
    await bench.pass(0)
    bench.add(...manyJobs(1, 2))
    await bench.pass(4)
    expect(bench.batches).toEqual([['1']])
  })

  it('they begin when the one before is written, not when it was sent', async () => {
    const first = held()
    const bench = new Bench(first.answer, written)
    bench.add(...manyJobs(1))
    await bench.pass(0)
    bench.add(...manyJobs(1, 2))
    await bench.pass(100)
    first.release()
    await bench.pass(4)
    expect(bench.batches).toEqual([['1']])
    await bench.pass(1)
    expect(bench.batches).toEqual([['1'], ['2']])
  })

  it('a lone job waits for nobody once they are over', async () => {
    const bench = await rested()
    await bench.pass(5)
    bench.add(...manyJobs(1, 2))
    await bench.pass(0)
    expect(bench.batches).toEqual([['1'], ['2']])
  })

  it('fifty jobs do not wait, be they the last of them that makes them so many', async () => {
    const bench = await rested()
    bench.add(...manyJobs(49, 2))
    await bench.pass(1)
    expect(bench.batches).toEqual([['1']])
    bench.add(...manyJobs(1, 51))
    await bench.pass(0)
    expect(bench.batches.map(({ length }) => length)).toEqual([1, 50])
    bench.add(...manyJobs(50, 52))
    await bench.pass(0)
    expect(bench.batches.map(({ length }) => length)).toEqual([1, 50, 50])
  })

  it('nor do more that have come while the one before was written', async () => {
    const first = held()
    const bench = new Bench(first.answer, written)
    bench.add(...manyJobs(100))
    await bench.pass(0)
    bench.add(...manyJobs(50, 101))
    first.release()
    await bench.pass(0)
    expect(bench.batches.map(({ length }) => length)).toEqual([100, 50])
  })

  it('nothing waits for which somebody waits: `flushed` ends the rest, and later ones rest again', async () => {
    const bench = await rested()
    bench.add(...manyJobs(2, 2))
    await bench.pass(1)
    expect(bench.batches).toEqual([['1']])
    let done = false
    void bench.settler.flushed().then(() => (done = true))
    // Of another queue: it would rest, too.
    bench.add(claimedJob('4', { queueId: 7 }))
    await bench.pass(0)
    expect([done, bench.batches]).toEqual([true, [['1'], ['2', '3'], ['4']]])
    bench.add(...manyJobs(1, 5))
    await bench.pass(4)
    expect(bench.batches).toHaveLength(3)
    await bench.pass(1)
    expect(bench.batches).toHaveLength(4)
  })
})

describe('weather', () => {
  it('is waited out: the same settlements are sent again until they are written', async () => {
    const fail: Answer = () => Promise.reject(weather)
    const bench = new Bench(fail, fail, fail, written)
    bench.add(...manyJobs(2))
    await bench.flushed()
    expect(bench.batches).toEqual([
      ['1', '2'],
      ['1', '2'],
      ['1', '2'],
      ['1', '2'],
    ])
    expect(bench.requests.map(({ closed }) => closed)).toEqual([[1], [1], [1], [1]])
    expect(bench.weather).toEqual([weather, weather, weather])
    expect(bench.settled).toEqual(['1 completed', '2 completed'])
    expect(bench.book.claims).toEqual([])
  })

  it('is whatever else is not a fault of the data: giving up would lose what was done', async () => {
    const bench = new Bench(() => Promise.reject(noSuchRight))
    bench.add(...manyJobs(1))
    await bench.pass(3_600_000)
    expect(bench.requests.length).toBeGreaterThan(500)
    expect([bench.settled, bench.settler.backlog, bench.book.claims]).toEqual([[], 1, [1]])
    bench.settler.giveUp()
    await bench.flushed()
  })

  it('makes what comes meanwhile wait, and loses none of it', async () => {
    const bench = new Bench(() => Promise.reject(weather), written)
    bench.add(...manyJobs(1))
    await bench.pass(0)
    bench.add(...manyJobs(2, 2))
    await bench.flushed()
    expect(bench.batches).toEqual([['1'], ['1'], ['2', '3']])
  })

  it('ends with giving up: nothing is said to be settled, and the claim is still vouched for', async () => {
    const bench = new Bench(() => Promise.reject(weather))
    bench.add(...manyJobs(2))
    await bench.pass(1_000)
    bench.settler.giveUp()
    await bench.flushed()
    expect([bench.settled, bench.refused, bench.book.claims]).toEqual([[], [], [1]])
  })
})

describe('settlements that the fence refused', () => {
  const refuse =
    (...ids: readonly string[]): Answer =>
    () =>
      Promise.resolve(refusing(...ids))

  it('are told apart from those that were written', async () => {
    const bench = new Bench(refuse('2', '3'))
    bench.add(...manyJobs(4))
    await bench.flushed()
    expect(bench.settled).toEqual(['1 completed', '4 completed'])
    expect(bench.refused).toEqual([
      ['2', true],
      ['3', true],
    ])
    expect(bench.book.claims).toEqual([])
  })

  it('are not certain to be lost where an earlier try had no answer', async () => {
    const bench = new Bench(() => Promise.reject(weather), refuse('1'), refuse('2'))
    bench.add(...manyJobs(1))
    await bench.flushed()
    bench.add(...manyJobs(1, 2))
    await bench.flushed()
    expect(bench.refused).toEqual([
      ['1', false],
      ['2', true],
    ])
  })
})

describe('a settlement that the database cannot take', () => {
  it.each([1, 2, 3, 7, 64, 1_000])(
    'is found among %d and replaced; its neighbours are written',
    async (count) => {
      const culprit = String(Math.ceil(count / 2))
      const bench = new Bench(faulty(culprit))
      bench.add(...manyJobs(count))
      await bench.flushed()
      expect(bench.settled.toSorted()).toEqual(
        manyJobs(count)
          .map(({ id }) => `${id} ${id === culprit ? 'retry' : 'completed'}`)
          .toSorted(),
      )
      expect(bench.requests.at(-1)?.jobs).not.toContainEqual(
        expect.objectContaining({ id: culprit, settlement: completed }),
      )
      // Halving, not one by one: about two batches a level.
      expect(bench.requests.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count + 1)) + 2)
      expect([bench.book.claims, bench.settler.backlog, bench.weather]).toEqual([[], 0, []])
    },
  )

  it('may be one of several', async () => {
    const bench = new Bench(faulty('1', '4', '5'))
    bench.add(...manyJobs(6))
    await bench.flushed()
    expect(bench.settled.toSorted()).toEqual([
      '1 retry',
      '2 completed',
      '3 completed',
      '4 retry',
      '5 retry',
      '6 completed',
    ])
  })

  it('closes its claim with the last part only', async () => {
    const bench = new Bench(faulty('1'))
    bench.add(...manyJobs(2))
    await bench.flushed()
    expect(bench.requests.map(({ closed }) => closed)).toEqual([[1], [], [], [1]])
  })

  it('is waited for where there is weather on top', async () => {
    const bench = new Bench(faulty('2'), () => Promise.reject(weather), faulty('2'))
    bench.add(...manyJobs(2))
    await bench.flushed()
    expect(bench.settled.toSorted()).toEqual(['1 completed', '2 retry'])
  })

  it('and whose replacement it cannot take either goes back by a heartbeat: its claim is not closed', async () => {
    const bench = new Bench(async (request) => {
      if (request.jobs.some(({ id }) => id === '1')) throw dataFault
      return refusing()
    })
    bench.add(...manyJobs(2))
    await bench.flushed()
    expect(bench.settled).toEqual(['2 completed'])
    expect(bench.requests.at(-1)).toMatchObject({ jobs: [{ id: '2' }], closed: [] })
    expect([bench.book.claims, bench.settler.backlog]).toEqual([[], 0])
  })
})
