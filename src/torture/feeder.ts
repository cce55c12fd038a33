import type { Dice } from './dice.ts'
import { until } from './until.ts'
import type { Ground, TortureJob } from './ground.ts'
import { EFFECT, HOLD_CONNECTION, LATER_EFFECT, LIMITED, WIDE } from './load.ts'
import { isWeather } from './weather.ts'

/** Jobs that are to wait at any time, by queue and task. */
interface Line {
  readonly queue: string
  readonly task: string
  readonly waiting: number
}

/** For each worker, enough for more than half a second. */
const WAITING = 35
/** Of the limited queue, whatever the number of workers. */
const LIMITED_WAITING = 12
/** Milliseconds between two looks. */
const PACE = 100

export interface FeederOptions {
  readonly ground: Ground
  readonly scenario: number
  readonly dice: Dice
  readonly workers: number
}

/** Keeps jobs waiting, so that the rate is that of the workers. */
export class Feeder {
  readonly #ground: Ground
  readonly #scenario: number
  readonly #dice: Dice
  readonly #over = new AbortController()
  #lines: readonly Line[]
  readonly #laterLine: Line
  #feeding: Promise<void> | undefined

  constructor({ ground, scenario, dice, workers }: FeederOptions) {
    this.#ground = ground
    this.#scenario = scenario
    this.#dice = dice
    this.#lines = [
      { queue: WIDE, task: EFFECT, waiting: workers * WAITING },
      { queue: LIMITED, task: EFFECT, waiting: LIMITED_WAITING },
    ]
    this.#laterLine = { queue: WIDE, task: LATER_EFFECT, waiting: workers * 15 }
  }

  /** Resolves when the first jobs are there. */
  async start(): Promise<void> {
    await this.#fill()
    this.#feeding = this.#feed()
    // Told by `stop`, which may come much later.
    this.#feeding.catch(() => undefined)
  }

  /** From now on there are also jobs that old code does not know. */
  addLaterJobs(): void {
    this.#lines = [...this.#lines, this.#laterLine]
  }

  /** Adds jobs that hold connections of their process for so long. */
  async addHolds(count: number, ms: () => number): Promise<void> {
    const jobs = Array.from({ length: count }, () => ({
      task: HOLD_CONNECTION,
      queue: WIDE,
      isExact: false,
      payload: { ms: ms() },
    }))
    await this.#add(jobs)
  }

  /** Adds no more. Rejects where something was wrong that is no weather. */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#feeding
  }

  async #feed(): Promise<void> {
    const { signal } = this.#over
    const isOver = async (): Promise<boolean> => {
      await this.#fill()
      return false
    }
    await until(isOver, { within: Infinity, every: PACE, signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }

  async #fill(): Promise<void> {
    const { kong } = this.#ground.names
    const rows = await this.#ground.query<{ queue: string; task: string; waiting: number }>(
      `select q.name as queue, t.name as task, count(*)::int4 as waiting
         from ${kong}.jobs j join ${kong}.queues q on q.id = j.queue_id join ${kong}.tasks t on t.id = j.task_id
        where j.worker = 0 group by 1, 2`,
    )
    for (const { queue, task, waiting } of this.#lines) {
      const found = rows.find((row) => row.queue === queue && row.task === task)?.waiting ?? 0
      if (this.#over.signal.aborted || found > waiting * 0.8) continue
      await this.#add(Array.from({ length: waiting - found }, () => this.#job(queue, task)))
    }
  }

  /** In bad weather they come with the next look. */
  async #add(jobs: readonly TortureJob[]): Promise<void> {
    await this.#ground.add(this.#scenario, jobs).catch((error: unknown) => {
      if (!isWeather(error)) throw error
    })
  }

  #job(queue: string, task: string): TortureJob {
    const dice = this.#dice
    // Effects that are not fenced may overlap where a process has lost its jobs and does not know: no evidence of a limit.
    const isExact = dice.chance(0.6) || queue === LIMITED
    const ms = dice.between(100, 200)
    const linger = isExact && dice.chance(0.15) ? dice.between(5, 30) : 0
    return { task, queue, isExact, payload: { isExact, ms, linger } }
  }
}
