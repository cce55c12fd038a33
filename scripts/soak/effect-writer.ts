import type { Pool } from 'pg'
import { SCHEMA } from './plan.ts'

interface Waiting {
  readonly n: number
  readonly onWritten: () => void
  readonly onError: (error: unknown) => void
}

/** Writes effects of many handlers at once: a statement for each would make the soak one of the record. */
export class EffectWriter {
  readonly #pool: Pool
  #waiting: Waiting[] = []
  #writing = false

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Resolves when the effect is committed. */
  write(n: number): Promise<void> {
    return new Promise((onWritten, onError) => {
      this.#waiting.push({ n, onWritten, onError })
      if (!this.#writing) void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        const numbers = batch.map(({ n }) => n)
        await this.#pool.query(`insert into ${SCHEMA}.effects select unnest($1::int8[])`, [numbers])
        for (const { onWritten } of batch) onWritten()
      } catch (error) {
        for (const { onError } of batch) onError(error)
      }
    }
    this.#writing = false
  }
}
