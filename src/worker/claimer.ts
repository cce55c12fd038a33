// When to claim and how many. One loop for the whole process, one claim on its way at a time: at once again while
// the database has more than we asked for, asleep once it is dry, until a slot frees, a wake-up, a due time or the poll.
import { Bell } from '../runtime/bell.ts'
import { retry } from '../runtime/retry.ts'
import type { Claimed, ClaimedJob } from '../store/claim-jobs.ts'
import { isLeaseLost, isTransient } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'
import type { Registration } from '../store/workers.ts'
import type { Lane } from './lane.ts'
import type { LeaseKeeper } from './lease-keeper.ts'

/** The lanes of a process: one a queue, or a single one for all queues. */
export type Lanes = ReadonlyMap<number, Lane> | Lane

/** Flags, or who knows them at the moment; asked before each claim. */
export type ForbiddenFlags = readonly string[] | (() => readonly string[] | Promise<readonly string[]>)

export interface ClaimerOptions {
  readonly store: Pick<Store, 'claimJobs'>
  readonly lanes: Lanes
  readonly lease: LeaseKeeper
  readonly tasks: readonly number[]
  /** Jobs that bear one of these are left alone. */
  readonly forbiddenFlags?: ForbiddenFlags | undefined
  /** Milliseconds between looks without being told. */
  readonly pollInterval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Too much is unsettled: claim no more for now. */
  readonly isClogged: () => boolean
  readonly onClaimed: (jobs: readonly ClaimedJob[]) => Promise<void>
  readonly onWeather: (error: unknown, attempt: number) => void
}

/** Who adds a job tells us of it only where it falls due within a minute; the others we must see ourselves. */
const LONGEST_REST = 60_000

interface Ask {
  readonly total: number
  readonly queues: ReadonlyMap<number, number> | 'all'
  readonly lanes: readonly Lane[]
}

export class Claimer {
  readonly #options: ClaimerOptions
  readonly #bell = new Bell()
  readonly #stopping = new AbortController()
  #pollAt: number
  #loop: Promise<void> | undefined

  constructor(options: ClaimerOptions) {
    this.#options = options
    this.#pollAt = options.now()
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Resolves when no claim is on its way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#bell.ring()
    await this.#loop
  }

  /** Jobs were added to this queue; without a number, perhaps to any. */
  wake(queue?: number): void {
    for (const lane of this.#lanesOf(queue)) lane.wake()
    this.#bell.ring()
  }

  /** A slot is free, or there is a lease again. */
  look(): void {
    this.#bell.ring()
  }

  /** Claims once and answers how many jobs came; undefined where it could not ask. For tests and for running once. */
  async runOnce(): Promise<number | undefined> {
    const ask = this.#ask()
    if (ask === undefined) return undefined
    const claimed = await this.#claim(ask)
    return claimed?.jobs.length
  }

  async #run(): Promise<void> {
    const { now } = this.#options
    while (!this.#stopping.signal.aborted) {
      if (now() >= this.#pollAt) {
        this.#schedulePoll()
        for (const lane of this.#lanesOf()) lane.dry = false
      }
      await this.#options.lease.renewIfWorn().catch((error: unknown) => this.#options.onWeather(error, 1))
      const claimed = await this.runOnce()
      if (claimed === undefined) await this.#bell.sleep(this.#pollAt - now())
    }
  }

  #schedulePoll(within = Infinity): void {
    const { now, pollInterval } = this.#options
    const interval = Math.min(within, LONGEST_REST, pollInterval * (0.9 + Math.random() * 0.2))
    this.#pollAt = now() + interval
  }

  #ask(): Ask | undefined {
    const { lanes, lease, isClogged, now } = this.#options
    if (lease.registration === undefined || isClogged()) return undefined
    if (!isShared(lanes)) return askEach(lanes, now())
    const room = lanes.room(now())
    return room === 0 ? undefined : { total: room, queues: 'all', lanes: [lanes] }
  }

  async #claim(ask: Ask): Promise<Claimed | undefined> {
    const { lease, store, tasks, forbiddenFlags: flags, now } = this.#options
    for (const lane of ask.lanes) lane.heard = false
    let { registration } = lease
    try {
      const forbiddenFlags = typeof flags === 'function' ? await flags() : flags
      const claimed = await retry(
        () => {
          registration = lease.registration
          if (registration === undefined) return Promise.resolve(undefined)
          // Each try has a number of its own: one whose answer is lost may have happened.
          return store.claimJobs({ ...registration, ...ask, claim: lease.openClaim(), tasks, forbiddenFlags })
        },
        { isTransient, onRetry: this.#options.onWeather, signal: this.#stopping.signal },
      )
      if (claimed === undefined) return undefined
      if (claimed.dry) this.#markDry(ask, claimed.jobs)
      if (claimed.nextDueIn !== undefined && now() + claimed.nextDueIn < this.#pollAt) {
        this.#schedulePoll(claimed.nextDueIn + 1)
      }
      await this.#options.onClaimed(claimed.jobs)
      return claimed
    } catch (error) {
      this.#failed(error, registration)
      return undefined
    } finally {
      lease.closeClaim()
    }
  }

  #failed(why: unknown, registration: Registration | undefined): void {
    const onWeather = (reason: unknown): void => this.#options.onWeather(reason, 1)
    // Not waited for: starting anew may take as long as the database likes, and we may be told to stop meanwhile.
    if (isLeaseLost(why)) this.#options.lease.lost(registration).catch(onWeather)
    else onWeather(why)
  }

  #markDry(ask: Ask, jobs: readonly ClaimedJob[]): void {
    const { lanes } = this.#options
    if (isShared(lanes)) {
      lanes.dry = !lanes.heard
      return
    }
    if (ask.queues === 'all') return
    const found = countByQueue(jobs)
    for (const [queue, limit] of ask.queues) {
      const lane = lanes.get(queue)
      if (lane !== undefined && (found.get(queue) ?? 0) < limit) lane.dry = !lane.heard
    }
  }

  #lanesOf(queue?: number): Iterable<Lane> {
    const { lanes } = this.#options
    if (isShared(lanes)) return [lanes]
    if (queue === undefined) return lanes.values()
    const lane = lanes.get(queue)
    return lane === undefined ? [] : [lane]
  }
}

function askEach(lanes: ReadonlyMap<number, Lane>, now: number): Ask | undefined {
  const queues = new Map<number, number>()
  const asked: Lane[] = []
  let total = 0
  for (const [queue, lane] of lanes) {
    const room = lane.room(now)
    if (room === 0) continue
    queues.set(queue, room)
    asked.push(lane)
    total += room
  }
  return total === 0 ? undefined : { total, queues, lanes: asked }
}

function countByQueue(jobs: readonly ClaimedJob[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const { queueId } of jobs) counts.set(queueId, (counts.get(queueId) ?? 0) + 1)
  return counts
}

function isShared(lanes: Lanes): lanes is Lane {
  return !(lanes instanceof Map)
}
