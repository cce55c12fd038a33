import { setTimeout as delay } from 'node:timers/promises'
import type { KongTask } from 'kongtask'
import type { Pool } from 'pg'
import { kindOf, SCHEMA } from './plan.ts'

/** Milliseconds between two bulks. */
const PACE = 50

/** Adds jobs at a rate until it is told to stop. What was late is added with the next bulk. */
export class Adder {
  readonly #pool: Pool
  readonly #kong: KongTask
  readonly #rate: number
  #isOver = false
  #adding: Promise<void> | undefined
  added = 0
  /** `stop` says why. */
  hasFailed = false

  constructor(pool: Pool, kong: KongTask, rate: number) {
    this.#pool = pool
    this.#kong = kong
    this.#rate = rate
  }

  start(): void {
    this.#adding = this.#add()
    this.#adding.catch(() => (this.hasFailed = true))
  }

  /** Rejects where adding failed. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#adding
  }

  async #add(): Promise<void> {
    const begun = performance.now()
    while (!this.#isOver) {
      const due = Math.floor(((performance.now() - begun) / 1_000) * this.#rate)
      if (due > this.added) await this.#bulk(this.added, due)
      this.added = Math.max(due, this.added)
      await delay(PACE)
    }
  }

  async #bulk(from: number, to: number): Promise<void> {
    const client = await this.#pool.connect()
    let isDone = false
    try {
      await client.query('begin')
      await this.#kong.with(client).addJobs(
        Array.from({ length: to - from }, (_, index) => {
          const n = from + index
          return { task: 'soak', payload: { n }, retain: kindOf(n) === 'exact' ? '1h' : false }
        }),
      )
      await client.query(`insert into ${SCHEMA}.added values ($1, $2)`, [from, to - 1])
      await client.query('commit')
      isDone = true
    } finally {
      // Its transaction is still open otherwise.
      client.release(!isDone)
    }
  }
}
