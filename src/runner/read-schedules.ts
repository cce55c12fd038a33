import { readFileSync } from 'node:fs'
import { parseCrontab } from '../core/crontab.ts'
import { KongTaskError } from '../core/errors.ts'
import type { PlainObject } from '../core/plain-object.ts'
import { isScheduleSpec, type ScheduleSpec } from '../core/schedule.ts'
import { showText, showValue } from '../core/show-value.ts'
import type { TaskEntry } from '../core/task-list.ts'

/**
 * Everything that a program says of schedules; undefined where it says nothing.
 *
 * @throws KT_OPTION_INVALID, KT_CRONTAB_INVALID, KT_SCHEDULE_INVALID, and what `schedule` throws
 */
export function readSchedules(
  given: PlainObject,
  tasks: ReadonlyMap<string, TaskEntry>,
): readonly ScheduleSpec[] | undefined {
  const { schedules, crontab, crontabFile } = given
  if (crontab !== undefined && crontabFile !== undefined) {
    throw invalid('give `crontab` or `crontabFile`, not both')
  }
  const text = crontabFile === undefined ? crontab : readCrontabFile(crontabFile)
  const ofTasks = [...tasks.values()].flatMap((task) => task.schedules ?? [])
  if (schedules === undefined && text === undefined && ofTasks.length === 0) return undefined
  return [
    ...(schedules === undefined ? [] : readSpecs(schedules)),
    ...ofTasks.flatMap((of) => of()),
    ...(text === undefined ? [] : readCrontab(text)),
  ]
}

function readSpecs(value: unknown): readonly ScheduleSpec[] {
  if (Array.isArray(value) && value.every(isScheduleSpec)) return value
  throw invalid(`schedules must be an array of what schedule(...) returned; it is ${showValue(value)}`)
}

function readCrontab(text: unknown): readonly ScheduleSpec[] {
  if (typeof text === 'string') return parseCrontab(text)
  throw invalid(`crontab must be the text of a crontab; it is ${showValue(text)}`)
}

function readCrontabFile(file: unknown): string {
  if (typeof file !== 'string')
    throw invalid(`crontabFile must be the path of a file; it is ${showValue(file)}`)
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new KongTaskError('KT_OPTION_INVALID', `run: crontabFile ${showText(file)} cannot be read.`, {
      cause,
    })
  }
}

function invalid(why: string): KongTaskError {
  return new KongTaskError('KT_OPTION_INVALID', `run: ${why}.`)
}
