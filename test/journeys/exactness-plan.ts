// What a run of chaos does, decided by its seed: which limits there are and what each job is like. When the blows fall is
// seeded too; what they meet is up to the machine.
import type { JobOptions } from 'kongtask'

export interface ChaosOptions {
  readonly connectionString: string
  readonly seed: number
  readonly processes: number
  /** How long the chaos lasts, in seconds; then everything has to come to its end. */
  readonly seconds: number
  /** Jobs of one key that are added in one call. */
  readonly bulk: number
  /** Milliseconds between two kills, on average. */
  readonly killEvery: number
  readonly say?: (line: string) => void
}

/** What an execution of a job does, one step for each; the last one for all that follow. */
export type Step = 'done' | 'effect' | 'retry' | 'snooze' | 'permanent' | 'cancel'

export interface Work {
  readonly steps: readonly Step[]
  /** Milliseconds that an execution takes. */
  readonly ms: number
}

export interface PlannedJob {
  readonly task: string
  readonly payload: Work
  readonly options: JobOptions
}

export const TASK = 'exact'
/** Short, but a third of it, which is what a call of the engine may take, must do on a busy machine. */
export const LEASE = 3_000
export const HEARTBEAT = 750
export const CONCURRENCY = 6
/** Queues with limits of their own, and one without. */
export const QUEUES = {
  wide: {},
  narrow: { concurrency: 5 },
  paced: { rateLimit: { limit: 20, per: 1_000, burst: 4 } },
} as const
const QUEUE_NAMES = [
  'wide',
  'wide',
  'wide',
  'wide',
  'wide',
  'wide',
  'wide',
  'narrow',
  'narrow',
  'paced',
] as const
const KEYS = 20
/** Of which thousands are added in one call. */
export const BULK_KEY = 'key 0'
const RATES = [
  { limit: 10, per: 1_000, burst: 1 },
  { limit: 25, per: 1_000, burst: 5 },
  { limit: 300, per: 10_000, burst: 3 },
] as const
const LINES = 12

/** The same numbers each time: mulberry32. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** From 0 to less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('there is nothing to choose from')
    return item
  }
}

/** The limits of a run and its jobs, one after the other. */
export class Plan {
  readonly #dice: Dice
  readonly #limits: readonly number[]

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    this.#limits = Array.from({ length: KEYS }, () => this.#dice.between(1, 8))
  }

  job(): PlannedJob {
    const dice = this.#dice
    const queue = dice.of(QUEUE_NAMES)
    return {
      task: TASK,
      payload: this.#work(),
      options: {
        queue,
        maxAttempts: 1_000,
        priority: dice.chance(0.3) ? dice.below(4) : 1,
        // The low ones more often than the others, so that there is a crowd at some gates.
        ...(dice.chance(0.8) ? { concurrency: this.#key(Math.floor(KEYS * dice.next() * dice.next())) } : {}),
        ...(dice.chance(0.15) ? { rateLimit: this.#rate(dice.below(RATES.length)) } : {}),
        ...(dice.chance(0.2) ? { serialKey: `line ${dice.below(LINES)}` } : {}),
      },
    }
  }

  /** Many of one key, so that most of them are parked from the beginning. */
  bulk(count: number): PlannedJob[] {
    const key = this.#key(0)
    return Array.from({ length: count }, () => ({
      task: TASK,
      payload: { steps: ['done'], ms: this.#dice.below(4) },
      options: { queue: 'wide', maxAttempts: 1_000, concurrency: key },
    }))
  }

  /** For the calm behind the chaos: starts of a rate can be counted there, and nobody steps in any more. */
  calm(): PlannedJob[] {
    const rated = Array.from({ length: 60 }, (_, n) => ({
      task: TASK,
      payload: { steps: ['done' as const], ms: 1 },
      options: { queue: 'wide', maxAttempts: 1_000, rateLimit: this.#rate(n % RATES.length) },
    }))
    const keyed = Array.from({ length: 300 }, (_, n) => ({
      task: TASK,
      payload: { steps: [n % 9 === 0 ? ('retry' as const) : ('done' as const), 'done' as const], ms: 5 },
      options: { queue: 'wide', maxAttempts: 1_000, concurrency: this.#key(1 + (n % 3)) },
    }))
    return [...rated, ...keyed]
  }

  #key(number: number): { key: string; limit: number } {
    // That of the bulk must not be over at the end of time only.
    const limit = number === 0 ? Math.max(4, this.#limits[0] ?? 4) : (this.#limits[number] ?? 1)
    return { key: `key ${number}`, limit }
  }

  #rate(number: number): { key: string; limit: number; per: number; burst: number } {
    const { limit, per, burst } = RATES[number] ?? RATES[0]
    return { key: `rate ${number}`, limit, per, burst }
  }

  #work(): Work {
    const dice = this.#dice
    const before = Array.from({ length: dice.chance(0.3) ? dice.between(1, 3) : 0 }, () =>
      dice.of(['retry', 'snooze'] as const),
    )
    const last = dice.chance(0.9)
      ? dice.of(['done', 'done', 'effect'] as const)
      : dice.of(['permanent', 'cancel'] as const)
    // A few outlive their leases, were these not renewed.
    const ms = dice.chance(0.01) ? LEASE + 500 : dice.below(120)
    return { steps: [...before, last], ms }
  }
}
