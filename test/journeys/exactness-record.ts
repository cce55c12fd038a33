// The database's own record of a run: who leased what and when it was gone again, written by triggers in the transactions
// that did it, so that no moment between two looks is missed. A number is drawn before its transaction commits; so whoever
// leases behind somebody's end, because he saw it, has a higher number than that end, and an overlap in the record is one.
import type { Pool } from 'pg'

const RECORD = `
  create schema exactness;
  create table exactness.events (
    seq bigserial primary key,
    -- leased, back, gone: of a job's row; started, ended: by its handler.
    what text not null,
    job int8 not null,
    queue_id int4,
    serial_key text,
    limits jsonb,
    -- The moment of the claim is between the two.
    began timestamptz not null default statement_timestamp(),
    at timestamptz not null default clock_timestamp()
  );
  create index on exactness.events (job) where what = 'started';
  create table exactness.effects (job int8 not null);

  create function exactness.on_lease() returns trigger language plpgsql as $$
  begin
    if old.worker <> 0 then
      insert into exactness.events (what, job, queue_id, serial_key, limits)
      values ('back', old.id, old.queue_id, old.serial_key, old.limits);
    end if;
    if new.worker <> 0 then
      insert into exactness.events (what, job, queue_id, serial_key, limits)
      values ('leased', new.id, new.queue_id, new.serial_key, new.limits);
    end if;
    return null;
  end
  $$;
  create trigger exactness_lease after update on kongtask.jobs for each row
    when (old.worker <> new.worker or old.claim <> new.claim) execute function exactness.on_lease();

  create function exactness.on_end() returns trigger language plpgsql as $$
  begin
    insert into exactness.events (what, job, queue_id, serial_key, limits)
    values ('gone', old.id, old.queue_id, old.serial_key, old.limits);
    return null;
  end
  $$;
  create trigger exactness_end after delete on kongtask.jobs for each row execute function exactness.on_end();`

export async function startRecord(pool: Pool): Promise<void> {
  await pool.query(RECORD)
}

export async function dropRecord(pool: Pool): Promise<void> {
  await pool.query(`drop trigger exactness_lease on kongtask.jobs; drop trigger exactness_end on kongtask.jobs;
    drop schema exactness cascade`)
}

/** One limit of a job, as the database has it. */
interface Gate {
  readonly gate: string
  readonly limit: number
  readonly per?: number
  readonly burst?: number
}

interface Event {
  readonly seq: number
  readonly what: string
  readonly job: string
  readonly queue: string
  readonly serialKey: string | null
  readonly limits: readonly Gate[] | null
  readonly began: number
  readonly at: number
}

const EVENTS = `
  select e.seq::float8 as seq, e.what, e.job::text as job, coalesce(q.name, '') as queue,
         e.serial_key as "serialKey", e.limits,
         (extract(epoch from e.began) * 1000)::float8 as began, (extract(epoch from e.at) * 1000)::float8 as at
    from exactness.events e left join kongtask.queues q on q.id = e.queue_id
   order by e.seq`

export interface Ruler {
  readonly queues: Readonly<Record<string, { readonly concurrency?: number; readonly rateLimit?: Rate }>>
  /** The jobs of each serial key (`queue/key`) in the order of adding. */
  readonly lines: ReadonlyMap<string, readonly string[]>
  /** Behind this event the clock was left alone. */
  readonly calmFrom: number
}

interface Rate {
  readonly limit: number
  readonly per: number
  readonly burst: number
}

export interface Reading {
  readonly violations: readonly string[]
  /** The most that were leased at once, by gate. */
  readonly most: ReadonlyMap<string, { readonly limit: number; readonly most: number }>
  readonly leases: number
  /** Starts under a rate that were compared with it. */
  readonly rated: number
}

/** Where the record stands. */
export async function lastEvent(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ seq: number }>(
    'select coalesce(max(seq), 0)::float8 as seq from exactness.events',
  )
  return rows[0]?.seq ?? 0
}

/** Reads the whole record and holds it against what was promised. */
export async function readRecord(pool: Pool, ruler: Ruler): Promise<Reading> {
  const { rows } = await pool.query<Event>(EVENTS)
  const violations: string[] = []
  const held = new Map<string, Event>()
  const counts = new Map<string, number>()
  const most = new Map<string, { limit: number; most: number }>()
  const gone = new Set<string>()
  const started = new Set<string>()
  const starts = new Map<string, { rate: Rate; events: Event[] }>()
  let leases = 0

  const release = (job: string): void => {
    const lease = held.get(job)
    if (lease === undefined) return
    held.delete(job)
    for (const { gate } of limitsOf(lease, ruler)) counts.set(gate, (counts.get(gate) ?? 0) - 1)
  }
  const lease = (event: Event): void => {
    if (held.has(event.job)) violations.push(`${told(event)}, although it was leased already`)
    held.set(event.job, event)
    for (const { gate, limit } of limitsOf(event, ruler)) {
      const count = (counts.get(gate) ?? 0) + 1
      counts.set(gate, count)
      most.set(gate, { limit, most: Math.max(count, most.get(gate)?.most ?? 0) })
      if (count > limit)
        violations.push(`${told(event)}: ${count} leases of ${gate}, whose limit is ${limit}`)
    }
    if (event.seq <= ruler.calmFrom) return
    for (const { gate, rate } of ratesOf(event, ruler)) {
      const known = starts.get(gate) ?? { rate, events: [] }
      known.events.push(event)
      starts.set(gate, known)
    }
  }
  /** Those that were added before it under its serial key must all be gone. */
  const checkTurn = (event: Event, key: string): void => {
    const before = ruler.lines.get(key)?.find((job) => !gone.has(job))
    if (before !== undefined && before !== event.job)
      violations.push(`${told(event)}, although ${before} was added before it under '${key}' and is not gone`)
  }

  const lineOf = new Map([...ruler.lines].flatMap(([key, jobs]) => jobs.map((job) => [job, key] as const)))
  for (const event of rows) {
    const line = lineOf.get(event.job)
    if (event.what === 'leased') {
      leases += 1
      lease(event)
      if (line !== undefined) checkTurn(event, line)
    } else if (event.what === 'started') {
      // A process that was stopped may start what it has lost long ago, but never as the first.
      if (line !== undefined && !started.has(event.job)) checkTurn(event, line)
      started.add(event.job)
    } else if (event.what !== 'ended') {
      release(event.job)
      if (event.what === 'gone') gone.add(event.job)
    }
  }
  let rated = 0
  for (const [gate, { rate, events }] of starts) {
    rated += events.length
    violations.push(...tooFast(gate, rate, events))
  }
  return { violations, most, leases, rated }
}

function limitsOf({ queue, serialKey, limits }: Event, ruler: Ruler): { gate: string; limit: number }[] {
  const concurrency = ruler.queues[queue]?.concurrency
  return [
    ...(limits ?? [])
      .filter(({ per }) => per === undefined)
      .map(({ gate, limit }) => ({ gate: `${queue}/${gate}`, limit })),
    ...(concurrency === undefined ? [] : [{ gate: `${queue}/*`, limit: concurrency }]),
    ...(serialKey === null ? [] : [{ gate: `${queue}/serial:${serialKey}`, limit: 1 }]),
  ]
}

function ratesOf({ queue, limits }: Event, ruler: Ruler): { gate: string; rate: Rate }[] {
  const rate = ruler.queues[queue]?.rateLimit
  return [
    ...(limits ?? []).flatMap(({ gate, limit, per, burst = 1 }) =>
      per === undefined ? [] : [{ gate: `${queue}/${gate}`, rate: { limit, per, burst } }],
    ),
    ...(rate === undefined ? [] : [{ gate: `${queue}/*`, rate }]),
  ]
}

/** Of starts that were surely within a span there are no more than came in that time and had been saved before. */
function tooFast(gate: string, { limit, per, burst }: Rate, events: readonly Event[]): string[] {
  const saved = Math.max(burst, 1, Math.floor((50 * limit) / per))
  for (const [from, first] of events.entries()) {
    let earliest = first.began
    let latest = first.at
    for (let to = from; to < events.length; to++) {
      const event = events[to]
      if (event === undefined) break
      earliest = Math.min(earliest, event.began)
      latest = Math.max(latest, event.at)
      const count = to - from + 1
      const allowed = saved + (limit * (latest - earliest)) / per
      if (count > allowed + 0.001)
        return [
          `${told(event)}: ${count} starts of ${gate} within ${Math.round(latest - earliest)} ms; ${limit} in ${per} ms and ${saved} saved allow ${allowed.toFixed(2)}`,
        ]
    }
  }
  return []
}

function told({ seq, what, job, queue }: Event): string {
  return `event ${seq}: job ${job} of ${queue} was ${what}`
}
