// Where a run takes place: KongTask's tables under a name of their own, and beside them a record that KongTask knows
// nothing of: what was added, what was started, what took effect, who was hurt and what he held.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { KongTask } from '../client/client.ts'
import type { EffectPayload, HoldPayload } from './load.ts'
import { isWeather } from './weather.ts'

/** The two schemas of a run. */
export interface GroundNames {
  /** KongTask's tables. */
  readonly kong: string
  /** The record. */
  readonly record: string
}

/** What the database answers after a restart at the latest. Milliseconds. */
const PATIENCE = 60_000
const APPLICATION = 'kongtask torture'

const record = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.added (
    job int8 primary key,
    scenario int4 not null,
    queue text not null,
    -- Its effect and its end are one transaction.
    is_exact bool not null
  );
  create index on ${schema}.added (scenario);
  create table ${schema}.starts (
    execution int8 generated always as identity primary key,
    job int8 not null,
    process int4 not null,
    at timestamptz not null default clock_timestamp()
  );
  create index on ${schema}.starts (job);
  create table ${schema}.effects (
    job int8 not null,
    execution int8 not null,
    at timestamptz not null default clock_timestamp()
  );
  create index on ${schema}.effects (job);
  create table ${schema}.injuries (
    injury int4 generated always as identity primary key,
    scenario int4 not null,
    what text not null,
    -- Null: the database, and with it everybody.
    process int4,
    at timestamptz not null,
    healed_at timestamptz
  );
  create table ${schema}.held (
    injury int4 not null,
    job int8 not null,
    primary key (injury, job)
  );`

export class Ground {
  readonly names: GroundNames
  readonly kong: KongTask
  readonly #pool: pg.Pool
  readonly #connectionString: string
  /** Milliseconds by which the database's clock is ahead of ours. */
  #ahead = 0

  private constructor(connectionString: string) {
    const name = `kongtask_torture_${randomBytes(4).toString('hex')}`
    this.names = { kong: name, record: `${name}_record` }
    this.#connectionString = connectionString
    this.#pool = new pg.Pool({
      connectionString,
      max: 5,
      application_name: APPLICATION,
      connectionTimeoutMillis: 5_000,
    })
    this.#pool.on('error', ignoreError)
    // Also while nobody has them, and in the moment before somebody does.
    this.#pool.on('connect', (client) => client.on('error', ignoreError))
    this.kong = new KongTask({ pool: this.#pool, schema: this.names.kong })
  }

  /** @throws KongTaskError where the database cannot be reached or is too old */
  static async open(connectionString: string): Promise<Ground> {
    const ground = new Ground(connectionString)
    try {
      await ground.kong.migrate()
      await ground.#pool.query(record(ground.names.record))
      const asked = Date.now()
      const { rows } = await ground.#pool.query<{ now: Date }>('select clock_timestamp() as now')
      ground.#ahead = (rows[0]?.now.getTime() ?? asked) - (asked + Date.now()) / 2
      return ground
    } catch (error) {
      await ground.close().catch(() => undefined)
      throw error
    }
  }

  /** The time by the database's clock. */
  now(): Date {
    return new Date(Date.now() + this.#ahead)
  }

  /** A statement of ours, sent again where the database was away: it must not matter whether it ran already. */
  async query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const end = performance.now() + PATIENCE
    for (;;) {
      try {
        const { rows } = await this.#pool.query<Row>(text, values)
        return rows
      } catch (error) {
        if (!isWeather(error)) throw error
        if (performance.now() > end)
          throw new Error(`The database was away for ${PATIENCE / 1_000} s: ${String(error)}`, {
            cause: error,
          })
        await delay(50)
      }
    }
  }

  /** Once: what becomes of it in bad weather is the caller's to know. */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let fault: unknown
    try {
      await client.query('begin')
      const result = await work(client)
      await client.query('commit')
      return result
    } catch (error) {
      fault = error
      throw error
    } finally {
      client.release(fault !== undefined)
    }
  }

  /** Adds jobs and writes down that they were, both or neither. */
  async add(scenario: number, jobs: readonly TortureJob[]): Promise<void> {
    if (jobs.length === 0) return
    await this.transaction(async (client) => {
      const entries = jobs.map(({ task, queue, payload }) => ({ task, payload, queue, maxAttempts: 10_000 }))
      const added = await this.kong.with(client).addJobs(entries)
      await client.query(
        `insert into ${this.names.record}.added (job, scenario, queue, is_exact)
         select * from unnest($1::int8[], array_fill($2::int4, array[cardinality($1::int8[])]), $3::text[], $4::bool[])`,
        [
          added.map(({ id }) => id),
          scenario,
          jobs.map(({ queue }) => queue),
          jobs.map(({ isExact }) => isExact),
        ],
      )
    })
  }

  /** Takes everything away again. */
  async close(): Promise<void> {
    await this.kong.close()
    await this.#pool.end()
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: APPLICATION,
      connectionTimeoutMillis: 5_000,
    })
    client.on('error', () => undefined)
    await client.connect()
    try {
      await client.query(`set client_min_messages = warning;
        drop schema if exists ${this.names.kong} cascade; drop schema if exists ${this.names.record} cascade`)
    } finally {
      await client.end()
    }
  }
}

export interface TortureJob {
  readonly task: string
  readonly queue: string
  readonly isExact: boolean
  readonly payload: EffectPayload | HoldPayload
}

function ignoreError(): void {}
