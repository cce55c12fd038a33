import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import { KongTask, run } from 'kongtask'
import type { Measured } from '../frame/measure.ts'
import { BULK } from '../loads/cost.ts'
import { sizedPayload } from '../loads/sized-payload.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

/**
 * The heap that a job takes while a process has it. Jobs that wait for a slot are 2,000 at the most, so these are running:
 * each handler waits at a gate, and costs its attempt's signal and context beside the job.
 */
export async function measureMemory(connectionString: string, jobs: number): Promise<Measured> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  await pool.query('drop schema if exists kongtask cascade')
  await pool.end()
  const kong = new KongTask({ connectionString })
  await kong.migrate()
  const gate = new Gate()
  const runner = await run({
    connectionString,
    concurrency: jobs,
    migrate: false,
    logger: silent,
    tasks: { held: () => gate.pass(), noop: () => undefined },
  })
  try {
    const add = async (task: string, count: number): Promise<void> => {
      for (let next = 0; next < count; next += BULK)
        await kong.addJobs(
          Array.from({ length: Math.min(BULK, count - next) }, (_, n) => ({
            task,
            payload: sizedPayload(next + n),
            retain: false as const,
          })),
        )
    }
    await add('noop', BULK)
    await kong.addJob('held')
    await gate.waiting(1)
    const before = heapUsed()
    await add('held', jobs - 1)
    await gate.waiting(jobs)
    return { heap_bytes_per_job: (heapUsed() - before) / (jobs - 1) }
  } finally {
    gate.open()
    await runner.stop()
    await kong.close()
  }
}

/** Handlers wait here until it opens; all at one promise, so that waiting costs next to nothing. */
class Gate {
  #waiting = 0
  readonly #opened: Promise<void>
  #open: () => void = nothing
  #awaited: { readonly count: number; readonly reached: () => void } | undefined

  constructor() {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  pass(): Promise<void> {
    this.#waiting += 1
    if (this.#waiting === this.#awaited?.count) this.#awaited.reached()
    return this.#opened
  }

  async waiting(count: number): Promise<void> {
    if (this.#waiting < count)
      await new Promise<void>((reached) => {
        this.#awaited = { count, reached }
      })
  }

  open(): void {
    this.#open()
  }
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new TypeError('This Node does not let us collect garbage.')
  // What the first pass sets free may hold more.
  collect()
  collect()
  return process.memoryUsage().heapUsed
}
