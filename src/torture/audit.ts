// Counts, when everything has come to its end, what was lost and what was done twice. It believes the record and the history
// alone, and nothing that a worker said.
import type { GroundNames } from './ground.ts'

/** Asks the database. */
export type Ask = <Row extends Readonly<Record<string, unknown>>>(
  text: string,
  values?: unknown[],
) => Promise<Row[]>

export interface Audit {
  readonly jobs: number
  /** Were added and have not taken effect. */
  readonly lost: readonly string[]
  /** Took effect or ended more than once, although their effect and their end were one transaction. */
  readonly doubled: readonly string[]
  /** Were taken for what their processes died of, and are kept as dead letters: docs/decisions/013. */
  readonly buried: readonly string[]
  /** The most jobs of the limited queue whose effects were under way at once. */
  readonly mostAtOnce: number
  /** What else does not fit, a sentence each. */
  readonly findings: readonly string[]
}

export interface AuditOptions {
  readonly names: GroundNames
  readonly scenario: number
  readonly limitedQueue: string
  readonly limit: number
  /** Processes were taken away from their jobs, so that a few that did nothing may be buried. */
  readonly mayBury: boolean
}

/** The share of the jobs that may be buried where processes were taken away from theirs. */
export const MOST_BURIED = 0.01

/** How many of a kind are named. */
const NAMED = 5

export async function audit(
  ask: Ask,
  { names, scenario, limitedQueue, limit, mayBury }: AuditOptions,
): Promise<Audit> {
  const { kong, record } = names
  const ids = async (text: string): Promise<string[]> =>
    (await ask<{ job: string }>(text, [scenario])).map(({ job }) => job)
  const ended = `(select h.id, h.result, h.finished_at from ${kong}.history h
                  union all select o.id, o.result, o.finished_at from ${kong}.history_overflow o)`

  const [counted] = await ask<{ jobs: number }>(
    `select count(*)::int4 as jobs from ${record}.added where scenario = $1`,
    [scenario],
  )
  // Torn away three times, the last time while it ran alone, a job is taken for what its processes died of: it is not lost, but
  // counted.
  const isBuried = `exists (select from ${kong}.dead_letters d where d.id = a.job and d.reason = 'crashes')`
  const buried = await ids(
    `select a.job::text from ${record}.added a where a.scenario = $1 and ${isBuried} order by a.job`,
  )
  const lost = await ids(
    `select a.job::text from ${record}.added a
      where a.scenario = $1 and not exists (select from ${record}.effects e where e.job = a.job) and not ${isBuried}
      order by a.job`,
  )
  const doubled = await ids(
    `select a.job::text from ${record}.added a
      where a.scenario = $1
        and (a.is_exact and (select count(*) from ${record}.effects e where e.job = a.job) > 1
             or (select count(*) from ${ended} as h where h.id = a.job) > 1)
      order by a.job`,
  )
  const live = await ids(
    `select a.job::text from ${record}.added a
      where a.scenario = $1 and exists (select from ${kong}.jobs j where j.id = a.job) order by a.job`,
  )
  const dead = await ids(
    `select a.job::text from ${record}.added a
      where a.scenario = $1 and exists (select from ${kong}.dead_letters d where d.id = a.job) and not ${isBuried}
      order by a.job`,
  )
  // Neither live, nor dead, nor over: gone without a trace.
  const vanished = await ids(
    `select a.job::text from ${record}.added a
      where a.scenario = $1
        and not exists (select from ${kong}.jobs j where j.id = a.job)
        and not exists (select from ${kong}.dead_letters d where d.id = a.job)
        and not exists (select from ${ended} as h where h.id = a.job)
      order by a.job`,
  )
  const strange = await ids(
    `select e.job::text from ${record}.effects e join ${record}.starts s using (execution)
      where $1::int4 is not null and (e.job <> s.job or not exists (select from ${record}.added a where a.job = e.job))`,
  )
  // A process that was suspended or cut off, and is back: of what it held before, and what was taken from it, it may settle
  // nothing. What it starts itself from then on is another matter.
  const late = await ids(
    `select distinct i.what || ' of process ' || i.process || ': job ' || h.job as job
       from ${record}.injuries i
       join ${record}.held h using (injury)
       join ${record}.starts s on s.job = h.job and s.process = i.process and s.at < i.healed_at
      where i.scenario = $1 and i.healed_at is not null
        and (exists (select from ${record}.effects e join ${record}.added a using (job)
                      where e.execution = s.execution and a.is_exact and e.at > i.healed_at)
             or exists (select from ${ended} as o
                         where o.id = h.job and o.finished_at > i.healed_at and o.result #>> '{}' = s.execution::text))`,
  )
  const [overlap] = await ask<{ most: number | null }>(
    `with steps as (
       select s.at, 1 as step
         from ${record}.effects e join ${record}.starts s using (execution) join ${record}.added a on a.job = e.job
        where a.scenario = $1 and a.queue = $2 and a.is_exact
       union all
       select e.at, -1
         from ${record}.effects e join ${record}.added a on a.job = e.job
        where a.scenario = $1 and a.queue = $2 and a.is_exact
     )
     select max(c.at_once)::int4 as most
       from (select sum(step) over (order by at, step rows unbounded preceding) as at_once from steps) as c`,
    [scenario, limitedQueue],
  )
  const mostAtOnce = overlap?.most ?? 0
  const jobs = counted?.jobs ?? 0
  const findings = [
    ...told(live, 'never came to an end'),
    ...told(dead, 'became dead letters'),
    ...(buried.length > (mayBury ? jobs * MOST_BURIED : 0)
      ? told(
          buried,
          `were buried as poison pills, where ${mayBury ? `${MOST_BURIED * 100} %` : 'none'} may be`,
        )
      : []),
    ...told(vanished, 'are gone without a trace'),
    ...told(strange, 'took effect although they were never added, or not by their own execution'),
    ...late.map((what) => `Settled by a process that had lost it: ${what}.`),
    ...(mostAtOnce > limit
      ? [`${mostAtOnce} jobs of the queue ${limitedQueue} ran at once, its limit is ${limit}.`]
      : []),
  ]
  return { jobs, lost, doubled, buried, mostAtOnce, findings }
}

function told(jobs: readonly string[], what: string): string[] {
  if (jobs.length === 0) return []
  const more = jobs.length > NAMED ? ' …' : ''
  return [`${jobs.length} jobs ${what}: ${jobs.slice(0, NAMED).join(' ')}${more}`]
}
