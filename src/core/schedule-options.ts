import { checkCatchUp, type CatchUp } from './catch-up.ts'
import { parsePositiveDuration, type Duration } from './duration.ts'
import { checkJobOptions, OPTION_CHECKS, type JobOptions } from './job-options.ts'
import { checkScheduleName } from './names.ts'
import { readOptions, type PlainObject } from './plain-object.ts'
import { checkTimeZone } from './time-zone.ts'

/** How a schedule comes, and what its jobs are like: beside what follows, every option of `addJob` but times and a version. */
export interface ScheduleOptions extends Omit<JobOptions, 'scheduledIn' | 'scheduledAt' | 'version'> {
  /** What it is known by, 1 to 128 letters, digits and `_ . : / -`; unique in the database. @default the task's name */
  readonly name?: string | undefined
  /** The time zone of its clock times. @default 'UTC' */
  readonly tz?: string | undefined
  /**
   * What to do about ticks that came while no process was there to fire them: `'all'`: each fires, `'latest'`: only the
   * newest, `'none'`: none. A minute late is on time. @default 'none'
   */
  readonly catchUp?: CatchUp | undefined
  /** How old a tick may be that is caught up. @default 2 d */
  readonly within?: Duration | undefined
}

/** Who does something, for the audit trail. */
export interface Acting {
  /** A person or program, up to 200 characters. @default the database role */
  readonly by?: string | undefined
}

/** The options, checked; durations in milliseconds. What is absent was not given. */
export interface CheckedScheduleOptions {
  readonly name: string | undefined
  readonly tz: string | undefined
  readonly catchUp: CatchUp | undefined
  readonly within: number | undefined
  /** As `addJob` takes them; undefined where none was given. */
  readonly job: PlainObject | undefined
}

export const SCHEDULE_DEFAULTS = { tz: 'UTC', catchUp: 'none', within: 2 * 86_400_000 } as const

const {
  scheduledIn: _scheduledIn,
  scheduledAt: _scheduledAt,
  version: _version,
  ...JOB_CHECKS
} = OPTION_CHECKS
const OWN = ['name', 'tz', 'catchUp', 'within']
export const SCHEDULE_OPTIONS: readonly string[] = [...OWN, ...Object.keys(JOB_CHECKS)]

/** @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_DURATION_INVALID, KT_NAME_INVALID */
export function checkScheduleOptions(value: unknown, what: string): CheckedScheduleOptions {
  const { name, tz, catchUp, within, ...rest } = readOptions(value, new Set(SCHEDULE_OPTIONS), what)
  const job = Object.fromEntries(Object.entries(rest).filter(([, given]) => given !== undefined))
  checkJobOptions(job)
  return {
    name: name === undefined ? undefined : checkScheduleName(name),
    tz: tz === undefined ? undefined : checkTimeZone(tz),
    catchUp: catchUp === undefined ? undefined : checkCatchUp(catchUp),
    within: within === undefined ? undefined : parsePositiveDuration(within, 'within'),
    job: Object.keys(job).length === 0 ? undefined : job,
  }
}
