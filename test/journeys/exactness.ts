// Limits and serial keys under chaos: processes are killed and stopped, the clock jumps, an operator interferes, a snapshot
// is held, jobs come one by one and by the thousand. Nothing of it may let more run than the limits say, or lose a job.
import pg from 'pg'
import { KongTask, KongTaskError } from 'kongtask'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../support/wait.ts'
import { Auditor } from './exactness-auditor.ts'
import {
  BULK_KEY,
  Dice,
  Plan,
  QUEUES,
  type ChaosOptions,
  type PlannedJob,
  type Step,
} from './exactness-plan.ts'
import { dropRecord, lastEvent, readRecord, startRecord, type Reading } from './exactness-record.ts'
import { Crew } from './exactness-workers.ts'

export interface Findings {
  /** What broke the promises, a sentence each. */
  readonly violations: readonly string[]
  readonly added: number
  /** How jobs ended: completed, cancelled, dead, deleted. */
  readonly ends: Readonly<Record<string, number>>
  readonly kills: number
  readonly stops: number
  readonly jumps: number
  /** What the operator did, by verb. */
  readonly operations: Readonly<Record<string, number>>
  readonly leases: number
  /** Starts that were held against a rate. */
  readonly rated: number
  readonly looks: number
  readonly calmLooks: number
  /** By gate: the limit, the most valid leases that were seen, the most leases in the record. */
  readonly gates: readonly Gate[]
  readonly weather: ReadonlyMap<string, number>
}

export interface Gate {
  readonly gate: string
  readonly limit: number
  readonly seen: number
  readonly recorded: number
}

/** Milliseconds of an excursion of the clock. */
const FURTHEST = 180_000
/** Milliseconds from the latest time that was seen until all is due that was moved to another time. */
const ALL_DUE = 60_000
/** Live jobs for each process, those of the bulk aside: below, there is no crowd at the gates; the end must be awaited, too. */
const CROWD = 80
const ENOUGH = 160
/** Milliseconds in which a tenth of what is left must get done while everything comes to its end. */
const STALL = 30_000
const CLEANUP = 20_000

/** Works on a database that has KongTask's tables and nothing in them. */
export async function runChaos(options: ChaosOptions): Promise<Findings> {
  const pool = new pg.Pool({ connectionString: options.connectionString, max: 8, application_name: 'chaos' })
  pool.on('error', () => undefined)
  await startRecord(pool)
  const chaos = new Chaos(options, pool)
  try {
    return await chaos.run()
  } finally {
    await chaos.end()
    await dropRecord(pool)
    await pool.end()
  }
}

class Chaos {
  readonly #options: ChaosOptions
  readonly #pool: pg.Pool
  readonly #kong: KongTask
  readonly #plan: Plan
  readonly #crew: Crew
  readonly #auditor: Auditor
  readonly #over = new AbortController()
  readonly #violations: string[] = []
  /** What each job is to end as. */
  readonly #added = new Map<string, Step>()
  readonly #ids: string[] = []
  readonly #lines = new Map<string, string[]>()
  /** Those that the operator cancelled or let live again: how they end is not the plan's. */
  readonly #cancelled = new Set<string>()
  readonly #deleted = new Set<string>()
  readonly #operations: Record<string, number> = {}
  /** Milliseconds from the clock on the wall: where the clock stands on the whole, and the most that it ever stood. */
  #course = 0
  #latest = 0
  #jumps = 0

  constructor(options: ChaosOptions, pool: pg.Pool) {
    this.#options = options
    this.#pool = pool
    this.#kong = new KongTask({ pool })
    this.#plan = new Plan(options.seed)
    this.#crew = new Crew(options.connectionString, options.processes)
    this.#auditor = new Auditor(pool)
  }

  async run(): Promise<Findings> {
    const { seconds, processes, say = () => undefined } = this.#options
    for (const [queue, limits] of Object.entries(QUEUES)) await this.#kong.queues.limit(queue, limits)
    await eventually(() => isTrue(this.#crew.working === processes, 'not all processes work yet'), {
      within: 120_000,
    })
    say(`${processes} processes work; chaos for ${seconds} s`)
    this.#auditor.start()
    const blows = [
      this.#repeat(1, [50, 150], (dice) => this.#addSome(dice)),
      this.#repeat(2, [this.#options.killEvery * 0.7, this.#options.killEvery * 1.3], (dice) =>
        this.#crew.strike(dice),
      ),
      this.#repeat(3, [1_500, 4_000], (dice) => this.#jump(dice)),
      this.#repeat(4, [60, 200], (dice) => this.#operate(dice)),
      this.#repeat(5, [5_000, 5_000], () => this.#tell()),
      this.#addBulk(),
      this.#holdSnapshot(),
    ]
    void delay(seconds * 1_000).then(() => this.#over.abort())
    // One that fails must end the others.
    await Promise.all(blows).finally(() => this.#over.abort())
    await this.#crew.allGoOn()

    const calmFrom = await this.#calmDown()
    say(`calm; ${await this.#live()} jobs are left`)
    await this.#drain()
    await this.#auditor.stop()
    await this.#checkNothingIsLeft()
    const ends = await this.#checkEnds()
    const reading = await readRecord(this.#pool, { queues: QUEUES, lines: this.#lines, calmFrom })
    return this.#findings(ends, reading)
  }

  async end(): Promise<void> {
    this.#over.abort()
    await this.#crew.dismiss()
    await this.#auditor.stop()
    await this.#kong.close()
    await this.#setClock(0)
  }

  /** Again and again until the chaos is over, with pauses of so many milliseconds. */
  async #repeat(
    stream: number,
    [least, most]: readonly [number, number],
    blow: (dice: Dice) => Promise<void>,
  ) {
    // Each has numbers of its own, or how quick one is would change what another does.
    const dice = new Dice(this.#options.seed * 31 + stream)
    while (!this.#over.signal.aborted) {
      await blow(dice)
      await this.#pause(dice.between(least, most))
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#over.signal }).catch(() => undefined)
  }

  async #addSome(dice: Dice): Promise<void> {
    const live = await this.#live('waits_for is distinct from $1', [`concurrency:key:${BULK_KEY}`])
    if (live > ENOUGH * this.#options.processes) return
    if (live < CROWD * this.#options.processes || dice.chance(0.1)) {
      await this.#add(Array.from({ length: dice.between(10, 40) }, () => this.#plan.job()))
      return
    }
    const jobs = Array.from({ length: dice.between(1, 6) }, () => this.#plan.job())
    // One after the other where they stand in line, so that there is an order of adding.
    if (jobs.some(({ options }) => options.serialKey !== undefined)) {
      for (const job of jobs) await this.#add([job])
    } else await Promise.all(jobs.map((job) => this.#add([job])))
  }

  async #addBulk(): Promise<void> {
    await this.#pause(this.#options.seconds * 100)
    await this.#add(this.#plan.bulk(this.#options.bulk))
  }

  async #add(jobs: readonly PlannedJob[]): Promise<void> {
    const [only] = jobs
    const added =
      only !== undefined && jobs.length === 1
        ? [await this.#kong.addJob(only.task, only.payload, only.options)]
        : await this.#kong.addJobs(jobs.map(({ task, payload, options }) => ({ task, payload, ...options })))
    for (const [index, { id }] of added.entries()) {
      const job = jobs[index]
      if (job === undefined) continue
      this.#added.set(id, job.payload.steps.at(-1) ?? 'done')
      this.#ids.push(id)
      const { queue, serialKey } = job.options
      if (serialKey === undefined) continue
      const line = `${queue}/${serialKey}`
      this.#lines.set(line, [...(this.#lines.get(line) ?? []), id])
    }
  }

  async #tell(): Promise<void> {
    const { rows } = await this.#pool.query<{ line: string }>(
      `select format('%s jobs live: %s leased, %s parked, %s not due; %s gone so far; %s processes alive', count(*),
         count(*) filter (where worker <> 0), count(*) filter (where waits_for is not null),
         count(*) filter (where run_at > kongtask.clock()),
         (select count(*) from exactness.events where what = 'gone'),
         (select count(*) from kongtask.workers where expires_at > clock_timestamp())) as line from kongtask.jobs`,
    )
    this.#options.say?.(rows[0]?.line ?? '')
  }

  /** On the whole it goes forwards, with excursions to the past and the future that are soon over. */
  async #jump(dice: Dice): Promise<void> {
    this.#course += dice.between(-5_000, 20_000)
    const excursion = dice.chance(0.5) ? dice.between(-FURTHEST, FURTHEST) : 0
    const pause = dice.between(300, 1_500)
    if (excursion !== 0) {
      await this.#setClock(this.#course + excursion)
      this.#jumps += 1
      await this.#pause(pause)
    }
    await this.#setClock(this.#course)
    this.#jumps += 1
  }

  /** Milliseconds from the clock on the wall. */
  async #setClock(by: number): Promise<void> {
    this.#latest = Math.max(this.#latest, by)
    await this.#pool.query(`create or replace function kongtask.clock() returns timestamptz
      language sql volatile parallel safe return clock_timestamp() + interval '${by} ms'`)
  }

  async #operate(dice: Dice): Promise<void> {
    const verb = dice.of(['cancel', 'delete', 'reschedule', 'reprioritise', 'run now', 'revive'] as const)
    // Of the latest, most of which live.
    const back = dice.below(400)
    const priority = dice.below(4)
    const id = this.#ids[Math.max(0, this.#ids.length - 1 - back)]
    if (id === undefined) return
    try {
      if (verb === 'cancel') {
        await this.#kong.jobs.cancel(id)
        this.#cancelled.add(id)
      } else if (verb === 'delete') {
        await this.#kong.jobs.delete(id)
        this.#deleted.add(id)
      } else if (verb === 'reschedule') await this.#kong.jobs.reschedule(id, { scheduledIn: back * 5 })
      else if (verb === 'reprioritise') await this.#kong.jobs.reprioritise(id, priority)
      else if (verb === 'run now') await this.#kong.jobs.runNow(id)
      else if (!(await this.#revive(id))) return
      this.#operations[verb] = (this.#operations[verb] ?? 0) + 1
    } catch (error) {
      if (!(error instanceof KongTaskError && ['KT_JOB_STATE', 'KT_JOB_NOT_FOUND'].includes(error.code)))
        throw error
    }
  }

  /** What stands in line stays over: it would be last in a line in which it was added first. */
  async #revive(id: string): Promise<boolean> {
    if (this.#isInLine(id)) return false
    const job = await this.#kong.jobs.get(id)
    if (job?.state !== 'dead' && job?.state !== 'cancelled') return false
    await this.#kong.jobs.retry(id)
    return true
  }

  #isInLine(id: string): boolean {
    return [...this.#lines.values()].some((line) => line.includes(id))
  }

  /** A transaction that looks at the past for half of the time, so that nothing dead is cleared away. */
  async #holdSnapshot(): Promise<void> {
    const { seconds, say = () => undefined } = this.#options
    await this.#pause(seconds * 250)
    const client = await this.#pool.connect()
    try {
      await client.query('begin isolation level repeatable read')
      await client.query('select count(*) from kongtask.jobs')
      say('a snapshot is held')
      await this.#pause(seconds * 500)
      await client.query('commit')
      say('the snapshot is given up')
    } finally {
      client.release()
    }
  }

  /** The clock is left alone, and everything is due. Answers from where on the record shows the calm. */
  async #calmDown(): Promise<number> {
    await this.#setClock(this.#latest + ALL_DUE)
    const { rows } = await this.#pool.query<{ now: string }>('select clock_timestamp()::text as now')
    // Claims that looked at the clock before must not count for the calm.
    await eventually(async () => {
      const { rows: old } = await this.#pool.query(
        `select from pg_stat_activity
          where datname = current_database() and application_name = 'kongtask' and xact_start < $1`,
        [rows[0]?.now],
      )
      isTrue(old.length === 0, 'a claim of the chaos is still under way')
    })
    const from = await lastEvent(this.#pool)
    await this.#add(this.#plan.calm())
    this.#auditor.calm()
    return from
  }

  async #live(of = 'true', values: unknown[] = []): Promise<number> {
    const { rows } = await this.#pool.query<{ live: number }>(
      `select count(*)::int as live from kongtask.jobs where ${of}`,
      values,
    )
    return rows[0]?.live ?? 0
  }

  /** Until no job is left, as long as enough gets done. */
  async #drain(): Promise<void> {
    for (let left = await this.#live(); left > 0; left = await this.#live()) {
      const before = left
      this.#options.say?.(`${left} jobs are left`)
      try {
        await eventually(async () => isTrue((await this.#live()) < before * 0.9, 'nothing gets done'), {
          within: STALL,
        })
      } catch {
        const { rows } = await this.#pool.query<{ job: string }>(
          `select format('%s (queue %s, lane %s, worker %s, serial key %s, waits for %s, due %s)', id, queue_id, lane, worker,
             serial_key, waits_for, run_at <= kongtask.clock()) as job from kongtask.jobs order by id limit 10`,
        )
        this.#violations.push(
          `in ${STALL / 1_000} s not a tenth got done of the ${before} jobs that were left: ${rows.map(({ job }) => job).join('; ')}`,
        )
        return
      }
    }
  }

  async #checkNothingIsLeft(): Promise<void> {
    for (const table of ['claims', 'serial_keys', 'completions']) {
      const count = async (): Promise<number> =>
        Number(
          (await this.#pool.query<{ n: string }>(`select count(*) as n from kongtask.${table}`)).rows[0]?.n,
        )
      try {
        await eventually(async () => isTrue((await count()) === 0, 'something is left'), { within: CLEANUP })
      } catch {
        this.#violations.push(`${await count()} rows are left in ${table}`)
      }
    }
  }

  /** Every job is where it belongs, and nowhere else. Answers how many ended how. */
  async #checkEnds(): Promise<Record<string, number>> {
    const { rows } = await this.#pool.query<{ id: string; end: string; effects: number; ended: boolean }>(`
      select e.id::text, e.end, (select count(*)::int from exactness.effects f where f.job = e.id) as effects,
             exists (select from exactness.events v where v.job = e.id and v.what = 'ended') as ended
        from (select id, case when completed then 'completed' else 'cancelled' end as end from kongtask.history
              union all
              select id, case when completed then 'completed' else 'cancelled' end from kongtask.history_overflow
              union all select id, case reason when 'crashes' then 'buried' else 'dead' end from kongtask.dead_letters
              union all select id, 'live' from kongtask.jobs) as e`)
    const counts: Record<string, number> = { deleted: this.#deleted.size }
    const found = new Set<string>()
    for (const { id, end, effects, ended } of rows) {
      counts[end] = (counts[end] ?? 0) + 1
      const last = this.#added.get(id)
      const meant = endOf(last)
      if (found.has(id)) this.#violations.push(`job ${id} ended twice`)
      if (last === undefined) this.#violations.push(`job ${id} was never added`)
      if (this.#deleted.has(id)) this.#violations.push(`job ${id} was deleted, and is ${end} all the same`)
      // Its process was killed each time that it ran, the last time while it ran alone there: who knew no better would say that it was it.
      else if (end !== meant && end !== 'buried' && !this.#cancelled.has(id))
        this.#violations.push(`job ${id} is ${end}, not ${meant}`)
      if (end === 'completed' && last === 'effect' ? effects < 1 : effects > 0 && last !== 'effect')
        this.#violations.push(`job ${id} took effect ${effects} times`)
      if (end === 'completed' && last !== 'effect' && !ended)
        this.#violations.push(`job ${id} is completed, but its handler never ended`)
      found.add(id)
    }
    const { rows: twice } = await this.#pool.query<{ job: string; n: number }>(
      'select job::text, count(*)::int as n from exactness.effects group by job having count(*) > 1',
    )
    for (const { job, n } of twice) {
      // One that lives again may take effect again.
      if (!this.#cancelled.has(job)) this.#violations.push(`job ${job} took effect ${n} times`)
    }
    for (const id of this.#ids) {
      if (!found.has(id) && !this.#deleted.has(id)) this.#violations.push(`job ${id} is lost`)
    }
    return counts
  }

  #findings(ends: Record<string, number>, reading: Reading): Findings {
    const { kills, stops, weather, deaths } = this.#crew
    const seen = this.#auditor.most
    return {
      violations: [
        ...this.#violations,
        ...this.#auditor.violations,
        ...reading.violations,
        ...deaths.map((why) => `a process died of itself: ${why}`),
        ...[...weather.keys()].filter((what) => /deadlock/.test(what)),
      ],
      added: this.#added.size,
      ends,
      kills,
      stops,
      jumps: this.#jumps,
      operations: this.#operations,
      leases: reading.leases,
      rated: reading.rated,
      looks: this.#auditor.looks,
      calmLooks: this.#auditor.calmLooks,
      gates: [...reading.most]
        .map(([gate, { limit, most }]) => ({ gate, limit, seen: seen.get(gate)?.most ?? 0, recorded: most }))
        .toSorted((a, b) => (a.gate < b.gate ? -1 : 1)),
      weather,
    }
  }
}

function endOf(last: Step | undefined): string {
  if (last === 'permanent') return 'dead'
  return last === 'cancel' ? 'cancelled' : 'completed'
}

function isTrue(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(complaint)
}
