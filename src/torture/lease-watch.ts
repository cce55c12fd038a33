import type { Ground } from './ground.ts'
import { until } from './until.ts'
import { isWeather } from './weather.ts'

/** Milliseconds between two looks. */
const PACE = 40

/** Asks again and again, each time in one statement, how many leases of a limited queue are valid at that moment. */
export class LeaseWatch {
  readonly #ground: Ground
  readonly #over = new AbortController()
  #watching: Promise<void> | undefined
  looks = 0
  /** The most that were valid at once. */
  most = 0
  /** The limit as the database has it. */
  limit = 0
  /** Of looks that saw more than the limit. */
  readonly violations: string[] = []

  constructor(ground: Ground) {
    this.#ground = ground
  }

  start(): void {
    const { signal } = this.#over
    const look = async (): Promise<boolean> => {
      await this.#look()
      return false
    }
    this.#watching = until(look, { within: Infinity, every: PACE, signal }).then(
      () => undefined,
      (error: unknown) => {
        if (!signal.aborted) throw error
      },
    )
    this.#watching.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#watching
  }

  async #look(): Promise<void> {
    const { kong } = this.#ground.names
    try {
      const rows = await this.#ground.query<{ queue: string; most: number; valid: number; jobs: string }>(
        `select q.name as queue, q.concurrency as most, count(*)::int4 as valid, string_agg(j.id::text, ' ') as jobs
           from ${kong}.jobs j
           join ${kong}.workers w on w.id = j.worker and w.rescued_at is null and w.expires_at > clock_timestamp()
           join ${kong}.queues q on q.id = j.queue_id
          where j.worker <> 0 and q.concurrency is not null
          group by 1, 2`,
      )
      this.looks += 1
      for (const { queue, most, valid, jobs } of rows) {
        this.limit = most
        this.most = Math.max(this.most, valid)
        if (valid > most)
          this.violations.push(
            `${valid} leases of the queue ${queue} were valid at once, its limit is ${most}: jobs ${jobs}`,
          )
      }
    } catch (error) {
      if (!isWeather(error)) throw error
    }
  }
}
