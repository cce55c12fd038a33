// What the jobs of survival leave behind, the same for every system: a row when a run begins, a row when it has taken effect.
import pg from 'pg'

export class SurvivalRecord {
  readonly #pool: pg.Pool

  private constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  static async create(connectionString: string): Promise<SurvivalRecord> {
    const pool = new pg.Pool({ connectionString, max: 2 })
    pool.on('error', () => undefined)
    pool.on('connect', (client) => client.on('error', () => undefined))
    await pool.query(`
      drop schema if exists survival cascade;
      create schema survival;
      create table survival.runs (
        run int8 generated always as identity primary key,
        n int4 not null, pid int4 not null, at timestamptz not null default clock_timestamp());
      create table survival.effects (n int4 not null, run int8 not null, at timestamptz not null default clock_timestamp())`)
    return new SurvivalRecord(pool)
  }

  /** The jobs that this process has begun and not brought to an end. */
  async heldBy(pid: number): Promise<readonly number[]> {
    const { rows } = await this.#pool.query<{ n: number }>(
      `select r.n from survival.runs r
        where r.pid = $1 and not exists (select from survival.effects e where e.run = r.run)`,
      [pid],
    )
    return rows.map(({ n }) => n)
  }

  /** How many of these jobs have begun again in another process. */
  async begunElsewhere(jobs: readonly number[], pid: number): Promise<number> {
    return this.#count(`select count(distinct n) from survival.runs where n = any($1) and pid <> $2`, [
      jobs,
      pid,
    ])
  }

  /** How many jobs with this number or a higher one have begun. */
  async begunOf(first: number): Promise<number> {
    return this.#count('select count(distinct n) from survival.runs where n >= $1', [first])
  }

  async effects(): Promise<number> {
    return this.#count('select count(*) from survival.effects')
  }

  /** Jobs with more than one effect. */
  async twice(): Promise<number> {
    return this.#count(
      'select count(*) from (select from survival.effects group by n having count(*) > 1) as n',
    )
  }

  /** Jobs with an effect. */
  async done(): Promise<number> {
    return this.#count('select count(distinct n) from survival.effects')
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  async #count(select: string, values: readonly unknown[] = []): Promise<number> {
    const { rows } = await this.#pool.query<{ count: string }>(select, [...values])
    return Number(rows[0]?.count)
  }
}
