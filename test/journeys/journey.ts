import {
  KongTask,
  run,
  type Events,
  type Job,
  type Runner,
  type TaskList,
  type TaskListOptions,
} from 'kongtask'
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { emptyTables } from '../support/empty-tables.ts'
import { hasPooler } from '../support/pooled.ts'
import { withClient } from '../support/run-databases.ts'
import { silent } from './journey-logger.ts'

type Options = Partial<TaskListOptions>

/** An application of KongTask's: a database, a client, and runners that are stopped when the test ends. */
export class Journey {
  #database: TestDatabase | undefined
  #runners: Runner[] = []

  get database(): TestDatabase {
    if (this.#database === undefined) throw new Error('there is a database only while tests run')
    return this.#database
  }

  get kong(): KongTask {
    return new KongTask({ pool: this.database.pool })
  }

  async open(): Promise<void> {
    this.#database = await createTestDatabase()
  }

  async empty(): Promise<void> {
    await emptyTables((text) => this.query(text))
  }

  /** A runner that hears of jobs at once and looks without being told only once an hour, unless told otherwise. */
  async run(tasks: TaskList, options: Options = {}): Promise<Runner> {
    const { pool, directConnectionString: direct } = this.database
    const directConnectionString = hasPooler() ? direct : undefined
    const runner = await run({
      pool,
      directConnectionString,
      tasks,
      logger: silent,
      pollInterval: '1h',
      migrate: false,
      ...options,
    })
    this.#runners.push(runner)
    return runner
  }

  async stopRunners(): Promise<void> {
    const stopped = this.#runners.map((runner) => runner.stop())
    this.#runners = []
    await Promise.all(stopped)
  }

  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.database.pool.query<Record<string, unknown>>(text, values)).rows
  }

  /** From another database. */
  async asAdmin(text: string): Promise<void> {
    await withClient(inject('adminConnectionString'), (client) => client.query(text))
  }

  async job(id: string): Promise<Job> {
    const job = await this.kong.jobs.get(id)
    if (job === undefined) throw new Error(`there is no job ${id}`)
    return job
  }

  /** How many jobs there are in which state. */
  async states(): Promise<Record<string, number>> {
    const rows = await this.query(`
      select state, count(*)::int as count from (
        select case when worker <> 0 then 'running' when run_at > kongtask.clock() then 'scheduled' else 'ready' end as state
          from kongtask.jobs
        union all select 'dead' from kongtask.dead_letters
        union all select case when completed then 'completed' else 'cancelled' end from kongtask.history) s
      group by state`)
    return Object.fromEntries(rows.map(({ state, count }) => [String(state), Number(count)]))
  }

  /** The server processes of whoever calls itself so. */
  async backends(applicationName: string): Promise<number[]> {
    const rows = await this.query(
      'select pid from pg_stat_activity where datname = current_database() and application_name = $1',
      [applicationName],
    )
    return rows.map(({ pid }) => Number(pid))
  }
}

/** One database for all tests of a file; each begins with empty tables and ends with all its runners stopped. */
export function useJourney(): Journey {
  const journey = new Journey()
  beforeAll(() => journey.open())
  beforeEach(() => journey.empty())
  afterEach(() => journey.stopRunners())
  afterAll(() => journey.database.drop())
  return journey
}

/** Resolves with the first event of that name that fits. */
export function once<N extends keyof Events>(
  runner: Runner,
  name: N,
  fits: (event: Events[N]) => boolean = () => true,
): Promise<Events[N]> {
  return new Promise((resolve) => {
    const forget = runner.on(name, (event) => {
      if (!fits(event)) return
      forget()
      resolve(event)
    })
  })
}

/** Resolves when so many jobs were settled, with what they were settled to, in that order. */
export function settled(runner: Runner, count: number): Promise<Events['job.settled'][]> {
  const events: Events['job.settled'][] = []
  return new Promise((resolve) => {
    const forget = runner.on('job.settled', (event) => {
      events.push(event)
      if (events.length < count) return
      forget()
      resolve(events)
    })
  })
}
