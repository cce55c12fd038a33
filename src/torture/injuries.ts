import type { Ground } from './ground.ts'
import type { Worker } from './worker.ts'

/** Something that was done to a process or to the database. */
export interface Injury {
  readonly number: number
  readonly what: string
  readonly at: Date
  /** The numbers under which the hurt process is registered. */
  readonly registrations: readonly number[]
}

/** Writes down who is hurt when, and which jobs he holds at that moment. */
export class Injuries {
  readonly #ground: Ground
  readonly #scenario: number
  #all: readonly Injury[] = []

  constructor(ground: Ground, scenario: number) {
    this.#ground = ground
    this.#scenario = scenario
  }

  get all(): readonly Injury[] {
    return this.#all
  }

  /** A process was just hurt, at this moment. */
  toWorker(what: string, { process, pid }: Worker, at: Date): Promise<Injury> {
    const { kong } = this.#ground.names
    return this.#write(
      what,
      at,
      process,
      `select w.id from ${kong}.workers w where w.info ->> 'pid' = '${pid}'`,
    )
  }

  /** The database is about to be hurt, and with it everybody: those whose handlers have begun may have to begin again. */
  toAll(what: string): Promise<Injury> {
    const { kong } = this.#ground.names
    return this.#write(what, this.#ground.now(), null, `select w.id from ${kong}.workers w`)
  }

  /** Something was done that tears no job away by itself. */
  toNobody(what: string): Promise<Injury> {
    return this.#write(what, this.#ground.now(), null, 'select 0 as id where false')
  }

  /** The hurt process is back. */
  async healed({ number }: Injury): Promise<void> {
    await this.#ground.query(
      `update ${this.#ground.names.record}.injuries set healed_at = clock_timestamp() where injury = $1`,
      [number],
    )
  }

  /** How many jobs are still held under the registrations of the process that was hurt. */
  async stillHeld({ registrations }: Injury): Promise<number> {
    const [row] = await this.#ground.query<{ jobs: number }>(
      `select count(*)::int4 as jobs from ${this.#ground.names.kong}.jobs where worker = any($1::int4[])`,
      [registrations],
    )
    return row?.jobs ?? 0
  }

  /** Of the jobs that were torn away: how many wait for a new start. */
  async waiting(): Promise<number> {
    const { kong, record } = this.#ground.names
    const [row] = await this.#ground.query<{ jobs: number }>(
      `select count(distinct h.job)::int4 as jobs
         from ${record}.injuries i join ${record}.held h using (injury) join ${kong}.jobs j on j.id = h.job
        where i.scenario = $1
          and not exists (select from ${record}.starts s where s.job = h.job and s.at > i.at
                             and (i.process is null or s.process <> i.process or s.at > i.healed_at))`,
      [this.#scenario],
    )
    return row?.jobs ?? 0
  }

  async #write(what: string, at: Date, process: number | null, registrations: string): Promise<Injury> {
    const { kong, record } = this.#ground.names
    // Sent again in bad weather, it counts twice at worst: each has the same jobs.
    const [row] = await this.#ground.query<{ injury: number; registrations: number[] }>(
      `with hurt as (
         insert into ${record}.injuries (scenario, what, process, at) values ($1, $2, $3, $4) returning injury
       ),
       registered as materialized (${registrations}),
       held as (
         insert into ${record}.held (injury, job)
         select hurt.injury, j.id from hurt, ${kong}.jobs j
          where j.worker <> 0 and j.worker in (select id from registered)
            and ($3::int4 is not null or exists (select from ${record}.starts s where s.job = j.id))
       )
       select hurt.injury, array(select id from registered) as registrations from hurt`,
      [this.#scenario, what, process, at],
    )
    if (row === undefined) throw new Error('The injury was not written down.')
    const injury = { number: row.injury, what, at, registrations: row.registrations }
    this.#all = [...this.#all, injury]
    return injury
  }
}
