import { KongTaskError } from './errors.ts'
import type { PayloadFor, TakesNothing } from './job-entry.ts'
import { checkTaskName } from './names.ts'
import { isPlainObject, type PlainObject } from './plain-object.ts'
import type { CatchUp } from './catch-up.ts'
import { checkScheduleOptions, SCHEDULE_DEFAULTS, type ScheduleOptions } from './schedule-options.ts'
import { showValue } from './show-value.ts'
import { isTask, type AnyTask } from './task.ts'
import { parseTiming } from './timing.ts'

// A registered symbol, so that another copy of the package may have made the value.
const SPEC: unique symbol = Symbol.for('kongtask.schedule')

/** A schedule as code or a crontab says it: what `schedule` returned, checked. */
export interface ScheduleSpec {
  readonly name: string
  readonly expression: string
  readonly tz: string
  readonly catchUp: CatchUp
  /** Milliseconds. */
  readonly within: number
  readonly task: AnyTask | string
  readonly payload: unknown
  /** As `addJob` takes them. */
  readonly job: PlainObject | undefined
  /** Where it was written. */
  readonly source: 'code' | 'crontab'
  readonly [SPEC]: true
}

/**
 * A job that is added again and again, for `run({ schedules: [...] })`: `'0 6 * * *'`, `'*\/10 * * * * *'` with seconds,
 * `'@daily'`, `'@every 90s'`. The payload is checked against the task's schema when the runner starts.
 *
 * @throws KT_SCHEDULE_INVALID, KT_TASK_INVALID, KT_NAME_INVALID, KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_DURATION_INVALID
 * @example
 * schedule('0 6 * * MON-FRI', sendReport, { to: 'ada@example.org' }, { tz: 'Europe/Berlin', catchUp: 'latest' })
 */
export function schedule<T extends AnyTask | string>(
  expression: string,
  task: T & TakesNothing<T>,
): ScheduleSpec
export function schedule<T extends AnyTask | string, P>(
  expression: string,
  task: T,
  payload: PayloadFor<T, P>,
  options?: ScheduleOptions,
): ScheduleSpec
export function schedule(
  expression: string,
  task: AnyTask | string,
  payload?: unknown,
  options?: ScheduleOptions,
): ScheduleSpec {
  return specOf({ expression, task, payload, options, source: 'code' })
}

/** What a task object's `schedule()` says of one schedule; its task is the object's. */
export interface TaskSchedule extends ScheduleOptions {
  readonly expression: string
  readonly payload?: unknown
}

interface SpecParts {
  readonly expression: unknown
  readonly task: unknown
  readonly payload: unknown
  readonly options: unknown
  readonly source: ScheduleSpec['source']
}

export function specOf({ expression, task, payload, options, source }: SpecParts): ScheduleSpec {
  parseTiming(expression)
  if (typeof expression !== 'string') throw new TypeError('parseTiming let something pass that is no text')
  const known = taskOf(task)
  const name = typeof known === 'string' ? known : known.name
  const checked = checkScheduleOptions(options, `schedule '${name}'`)
  return Object.freeze({
    name: checked.name ?? name,
    expression: expression.trim(),
    tz: checked.tz ?? SCHEDULE_DEFAULTS.tz,
    catchUp: checked.catchUp ?? SCHEDULE_DEFAULTS.catchUp,
    within: checked.within ?? SCHEDULE_DEFAULTS.within,
    task: known,
    payload,
    job: checked.job,
    source,
    [SPEC]: true as const,
  })
}

function taskOf(task: unknown): AnyTask | string {
  return isTask(task) ? task : checkTaskName(task)
}

/** What a task object's `schedule()` returned, as schedules of that task. @throws like `schedule` */
export function readTaskSchedules(task: AnyTask | string, returned: unknown): readonly ScheduleSpec[] {
  const all: readonly unknown[] = Array.isArray(returned) ? returned : [returned]
  return all.map((each) => {
    if (typeof each === 'string') {
      return specOf({ expression: each, task, payload: undefined, options: undefined, source: 'code' })
    }
    if (!isPlainObject(each)) {
      throw new KongTaskError(
        'KT_SCHEDULE_INVALID',
        `\`schedule()\` of a task must return a cron expression, { expression, payload, ...options }, or an array of these, not ${showValue(each)}.`,
      )
    }
    const { expression, payload, ...options } = each
    return specOf({ expression, task, payload, options, source: 'code' })
  })
}

/** Whether `schedule` made it, or a crontab. */
export function isScheduleSpec(value: unknown): value is ScheduleSpec {
  return typeof value === 'object' && value !== null && SPEC in value
}
