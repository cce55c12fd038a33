// Asks the database again and again, each time in one statement, which leases are valid at that moment.
import type { Pool } from 'pg'
import { setTimeout as delay } from 'node:timers/promises'

const VALID = `
  with valid as (
    select j.id, q.name as queue, q.concurrency, j.serial_key, j.limits
      from kongtask.jobs j
      join kongtask.workers w on w.id = j.worker and w.rescued_at is null and w.expires_at > clock_timestamp()
      join kongtask.queues q on q.id = j.queue_id
     where j.worker <> 0
  ),
  counted as (
    select v.id, v.queue || '/' || (one.value ->> 'gate') as gate, (one.value ->> 'limit')::int4 as most
      from valid v cross join jsonb_array_elements(v.limits) as one where not one.value ? 'per'
    union all
    select v.id, v.queue || '/*', v.concurrency from valid v where v.concurrency is not null
    union all
    select v.id, v.queue || '/serial:' || v.serial_key, 1 from valid v where v.serial_key is not null
  )
  select c.gate, max(c.most)::int4 as limit, count(*)::int4 as leases, string_agg(c.id::text, ' ') as jobs
    from counted c group by c.gate`

/** Where jobs are parked and none is leased or let in, nobody's end would let the next ones in. */
const FORSAKEN = `
  with parked as (
    select j.queue_id, j.waits_for as gate, count(*)::int4 as jobs
      from kongtask.jobs j where j.waits_for like 'concurrency:%' group by 1, 2
  )
  select p.gate, p.jobs
    from parked p
   where not exists (
           select from kongtask.jobs o
            cross join jsonb_array_elements(o.limits) as one
            where o.queue_id = p.queue_id and one.value ->> 'gate' = p.gate
              and (o.worker <> 0 or o.lane & 112 = 0))
     -- Completed by a transaction of its handler's, which has yet to be followed up.
     and not exists (
           select from kongtask.completions c
            cross join jsonb_array_elements(c.limits) as one
            where c.queue_id = p.queue_id and one.value ->> 'gate' = p.gate)`

/** Each turn of the sweep moves it. */
const SWEEP = `select due_at::text as turn from kongtask.chores where name = 'lift_gates'`

const PAUSE = 50
/** Turns of the sweep until what was left over from the chaos has been put right. */
const SETTLING_TURNS = 2

export class Auditor {
  readonly #pool: Pool
  readonly #over = new AbortController()
  readonly #most = new Map<string, { limit: number; most: number }>()
  readonly #turns = new Set<string>()
  #isCalm = false
  #loop: Promise<void> | undefined
  readonly violations: string[] = []
  looks = 0
  calmLooks = 0

  constructor(pool: Pool) {
    this.#pool = pool
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** From now on nobody steps in, so that gates must never be forsaken, once the sweep has been through twice. */
  calm(): void {
    this.#isCalm = true
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#loop
  }

  /** The most valid leases that were seen at once, by gate. */
  get most(): ReadonlyMap<string, { readonly limit: number; readonly most: number }> {
    return this.#most
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#look()
      if (this.#isCalm) await this.#lookForForsaken()
      await delay(PAUSE)
    }
  }

  async #look(): Promise<void> {
    const { rows } = await this.#pool.query<{ gate: string; limit: number; leases: number; jobs: string }>(
      VALID,
    )
    this.looks += 1
    for (const { gate, limit, leases, jobs } of rows) {
      this.#most.set(gate, { limit, most: Math.max(leases, this.#most.get(gate)?.most ?? 0) })
      if (leases > limit)
        this.violations.push(`${leases} valid leases of ${gate}, whose limit is ${limit}: jobs ${jobs}`)
    }
  }

  async #lookForForsaken(): Promise<void> {
    const { rows: turns } = await this.#pool.query<{ turn: string }>(SWEEP)
    for (const { turn } of turns) this.#turns.add(turn)
    if (this.#turns.size <= SETTLING_TURNS) return
    this.calmLooks += 1
    const { rows } = await this.#pool.query<{ gate: string; jobs: number }>(FORSAKEN)
    for (const { gate, jobs } of rows)
      this.violations.push(`${jobs} jobs are parked behind ${gate}, and nobody is left to let them in`)
  }
}
