// Reads from the record how fast jobs took effect, and how long those that were torn away took to start again.
import type { Ask } from './audit.ts'
import type { GroundNames } from './ground.ts'

/** Milliseconds of one bar of the picture. */
export const BUCKET = 250

export interface Span {
  readonly from: Date
  readonly to: Date
}

/** Jobs per second that took effect within the span; null of a span without length. */
export async function rateWithin(
  ask: Ask,
  { record }: GroundNames,
  scenario: number,
  { from, to }: Span,
): Promise<number | null> {
  const seconds = (to.getTime() - from.getTime()) / 1_000
  if (seconds <= 0) return null
  const [row] = await ask<{ jobs: number }>(
    `select count(*)::int4 as jobs
       from (select min(e.at) as at from ${record}.effects e join ${record}.added a using (job)
              where a.scenario = $1 group by e.job) as f
      where f.at >= $2 and f.at < $3`,
    [scenario, from, to],
  )
  return (row?.jobs ?? 0) / seconds
}

/** Jobs that took effect, by bar, from a time on. */
export async function effectsOverTime(
  ask: Ask,
  { record }: GroundNames,
  scenario: number,
  from: Date,
): Promise<readonly number[]> {
  const rows = await ask<{ bar: number; jobs: number }>(
    `select floor(extract(epoch from f.at - $2::timestamptz) * 1000 / $3)::int4 as bar, count(*)::int4 as jobs
       from (select min(e.at) as at from ${record}.effects e join ${record}.added a using (job)
              where a.scenario = $1 group by e.job) as f
      where f.at >= $2 group by 1 order by 1`,
    [scenario, from, BUCKET],
  )
  const bars = Array.from({ length: (rows.at(-1)?.bar ?? -1) + 1 }, () => 0)
  for (const { bar, jobs } of rows) bars[bar] = jobs
  return bars
}

/**
 * Milliseconds from an injury to the new start of each job that was held by whom it hurt, ascending. A start of the hurt
 * process itself counts once it is healed. Jobs that needed no new start, as their execution came through, do not count.
 */
export async function recoveries(
  ask: Ask,
  { record }: GroundNames,
  scenario: number,
): Promise<readonly number[]> {
  const rows = await ask<{ ms: number }>(
    `select (extract(epoch from min(s.at) - i.at) * 1000)::float8 as ms
       from ${record}.injuries i
       join ${record}.held h using (injury)
       join ${record}.starts s on s.job = h.job and s.at > i.at
        and (i.process is null or s.process <> i.process or s.at > i.healed_at)
      where i.scenario = $1
      group by i.injury, i.at, h.job
      order by 1`,
    [scenario],
  )
  return rows.map(({ ms }) => ms)
}
