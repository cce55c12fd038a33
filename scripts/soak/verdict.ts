// Whether a soak held what is promised: what is there in its last quarter is what was there in the second. In the first one
// everything grows: code is compiled, pools fill, tables find their size.
import { MOST_BURIED } from '../../src/torture/audit.ts'
import type { Audit } from './record.ts'
import type { Sample } from './observer.ts'

/** One thing that was watched, by quarters of the time. */
export interface Course {
  readonly what: string
  readonly unit: string
  /** A median each for what goes up and down with the garbage, else the most that was seen. */
  readonly quarters: readonly number[]
  /** How much more than in the second quarter there may be in the last. */
  readonly allowance: number
  readonly isFlat: boolean
}

export interface Verdict {
  readonly courses: readonly Course[]
  readonly broken: readonly string[]
}

export interface Evidence {
  readonly samples: readonly Sample[]
  readonly audit: Audit
  readonly deaths: readonly string[]
  /** The worker that lives through it all; false: it was given up early. */
  readonly hasAnswered: boolean
  readonly hasStopped: boolean
  /** Connections that workers left behind. */
  readonly leftBehind: number
  /** Jobs per second, as they were to be added and as they took effect. */
  readonly rates: { readonly wanted: number; readonly worked: number }
}

const MEGABYTE = 1_048_576

export function verdict({
  samples,
  audit,
  deaths,
  hasAnswered,
  hasStopped,
  leftBehind,
  rates,
}: Evidence): Verdict {
  const courses = coursesOf(samples, rates.wanted)
  const broken = [
    ...(samples.length < 8 ? [`Only ${samples.length} samples: too few to tell growth.`] : []),
    ...courses
      .filter(({ isFlat }) => !isFlat)
      .map(
        ({ what, quarters, unit }) =>
          `${what} grew: ${quarters.map((value) => value.toFixed(1)).join(', ')} ${unit}`,
      ),
    ...counted(audit.lost, 'jobs were lost'),
    ...counted(audit.doubled, 'jobs took effect twice, although effect and completion were one transaction'),
    ...counted(audit.left, 'jobs never came to an end'),
    ...counted(audit.dead, 'jobs became dead letters'),
    ...(audit.buried > audit.added * MOST_BURIED
      ? counted(audit.buried, `jobs were buried as poison pills, where ${MOST_BURIED * 100} % may be`)
      : []),
    ...counted(leftBehind, 'connections were left behind'),
    ...(hasAnswered
      ? []
      : ['The worker that is to live through it all did not answer, and the rest was left out.']),
    ...(hasStopped ? [] : ['A worker did not stop, or its process did not end by itself.']),
    ...(rates.worked < rates.wanted * 0.98
      ? [
          `${rates.worked.toFixed(0)} jobs/s took effect, ${rates.wanted} were to: this machine is too slow for that.`,
        ]
      : []),
    ...deaths,
  ]
  return { courses, broken }
}

function coursesOf(samples: readonly Sample[], rate: number): Course[] {
  const course = (
    what: string,
    unit: string,
    of: (sample: Sample) => number,
    {
      summary,
      share,
      least,
    }: { summary: (values: readonly number[]) => number; share: number; least: number },
  ): Course => {
    const quarters = quartersOf(samples).map((quarter) => summary(quarter.map(of)))
    const [, second = 0, , last = 0] = quarters
    const allowance = Math.max(second * share, least)
    return { what, unit, quarters, allowance, isFlat: last <= second + allowance }
  }
  const memory = { summary: median, share: 0.1, least: 1 }
  const count = { summary: most, share: 0, least: 0 }
  // Between two passes of the vacuum, a minute or two apart, they are what is worked in the meantime. Before there have been a few
  // passes, nothing can be said of growth but that.
  const isLong = (samples.at(-1)?.at ?? 0) > 480
  const between = isLong ? 0 : rate * 120
  const vacuumed = { summary: most, share: 0.5, least: 0 }
  const handles = (sample: Sample): number => {
    const { Timeout: _, Immediate: __, ...others } = sample.vitals.resources
    return Object.values(others).reduce((sum, one) => sum + one, 0)
  }
  return [
    course('heap of a worker, collected', 'MiB', ({ vitals }) => vitals.heap / MEGABYTE, memory),
    course('memory of a worker (rss)', 'MiB', ({ vitals }) => vitals.rss / MEGABYTE, memory),
    course('timers of a worker', '', ({ vitals }) => vitals.resources['Timeout'] ?? 0, {
      summary: median,
      share: 0.1,
      least: 3,
    }),
    course('sockets and other handles of a worker', '', handles, { ...count, least: 2 }),
    course('listeners of a worker', '', ({ vitals }) => vitals.listeners, { ...count, least: 5 }),
    course(
      'connections to the database',
      '',
      ({ connections }) => Object.values(connections).reduce((sum, one) => sum + one, 0),
      { ...count, least: 4 },
    ),
    course('dead tuples', 'k', ({ deadTuples }) => deadTuples / 1_000, {
      ...vacuumed,
      least: Math.max(100, (between * 3) / 1_000),
    }),
    course('tables without history', 'MiB', ({ size }) => size / MEGABYTE, {
      ...vacuumed,
      least: Math.max(8, (between * 500) / MEGABYTE),
    }),
    course('jobs waiting', '', ({ backlog }) => backlog, { ...vacuumed, least: 5_000 }),
    course('registered workers', '', ({ workers }) => workers, { ...count, least: 1 }),
  ]
}

function quartersOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  return [0, 1, 2, 3].map((quarter) =>
    items.slice(Math.round((items.length * quarter) / 4), Math.round((items.length * (quarter + 1)) / 4)),
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

function most(values: readonly number[]): number {
  return Math.max(0, ...values)
}

function counted(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}.`]
}
