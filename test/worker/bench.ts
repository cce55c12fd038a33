import type { Events } from '../../src/core/events.ts'
import { readTaskList, type TaskList } from '../../src/core/task-list.ts'
import { createProducer } from '../../src/client/producer.ts'
import { queueNames } from '../../src/runner/queue-names.ts'
import { Emitter } from '../../src/runtime/emitter.ts'
import type { Store } from '../../src/store/store.ts'
import { ClaimBook } from '../../src/worker/claim-book.ts'
import { Lane } from '../../src/worker/lane.ts'
import { LeaseKeeper } from '../../src/worker/lease-keeper.ts'
import { Worker } from '../../src/worker/worker.ts'
import { silent } from '../journeys/journey-logger.ts'
import type { StoreFixture } from '../store/fixture.ts'
import { deferred } from '../support/wait.ts'

const HOUR = 3_600_000

export interface BenchOptions {
  readonly concurrency?: number
  /** What the worker sees instead of the store's own verbs. */
  readonly verbs?: (store: Store) => Partial<Store>
}

/** Claims that are on their way: made, as `claimed` tells, and not known to the worker before `answer`. */
export function heldClaims() {
  const [claimed, answer] = [deferred(), deferred()]
  const verbs = (store: Store): Partial<Store> => ({
    claimJobs: async (request) => {
      const jobs = await store.claimJobs(request)
      claimed.resolve()
      await answer.promise
      return jobs
    },
  })
  return { claimed, answer, verbs }
}

/**
 * A worker over a real database, whose heart beats when the test says so and which looks for jobs when it is woken:
 * nothing happens by the passing of time.
 */
export class Bench implements AsyncDisposable {
  readonly worker: Worker
  readonly lease: LeaseKeeper
  readonly book = new ClaimBook()
  readonly events = new Emitter<Events>(() => undefined)

  private constructor(worker: (bench: Bench, lease: LeaseKeeper) => Worker, store: Store) {
    const now = (): number => performance.now()
    const times = { lease: HOUR, interval: HOUR / 3, now }
    this.lease = new LeaseKeeper({ store, book: this.book, info: {}, onWeather: () => undefined, ...times })
    this.worker = worker(this, this.lease)
  }

  static async start(fixture: StoreFixture, tasks: TaskList, options: BenchOptions = {}): Promise<Bench> {
    const store = { ...fixture.store, ...options.verbs?.(fixture.store) }
    const entries = readTaskList(tasks)
    const names = await store.publish(Object.fromEntries([...entries.keys()].map((name) => [name, {}])), null)
    const numbered = [...entries].map(([name, entry]) => [names.tasks.get(name) ?? -1, entry] as const)
    const { pool } = fixture.database
    const producer = createProducer({ store, pool, deadline: 10_000, maxPayload: 1_000 })
    const now = (): number => performance.now()
    const make = (bench: Bench, lease: LeaseKeeper): Worker =>
      new Worker({
        store,
        lanes: new Lane(options.concurrency ?? 10, now()),
        lease,
        book: bench.book,
        tasks: new Map(numbered),
        queues: queueNames(store, names.queues),
        services: {
          logger: silent,
          pool,
          adder: () => producer.own,
          onTransaction: (tx) => producer.with(tx),
        },
        events: bench.events,
        onDrain: () => undefined,
        pollInterval: HOUR,
        now,
      })
    const bench = new Bench(make, store)
    await bench.lease.start()
    return bench
  }

  /** Resolves with the first event of that name that fits. */
  once<N extends keyof Events>(
    name: N,
    fits: (event: Events[N]) => boolean = () => true,
  ): Promise<Events[N]> {
    return new Promise((resolve) => {
      const forget = this.events.on(name, (event) => {
        if (!fits(event)) return
        forget()
        resolve(event)
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop(0)
    await this.lease.stop()
  }
}
