import { canonicalJson } from '../core/canonical-json.ts'
import { KongTaskError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Queryable } from '../store/db.ts'
import { createSchedule, readSchedules, type ScheduleDefinition } from '../store/schedules.ts'
import type { ForeignSchedule } from './foreign-job.ts'
import type { ImportTally, Outcome, ScheduleReport } from './import-report.ts'
import { mappedSchedule, type MappingRules } from './mapped-job.ts'
import { passage, type Way } from './passage.ts'
import type { Source } from './source.ts'

export interface ScheduleMove extends Way {
  readonly source: Pick<Source, 'name' | 'takeSchedules' | 'removeSchedule'>
  readonly schema: string
  readonly rules: MappingRules
  /** By our database's clock. */
  readonly now: Date
  readonly tally: ImportTally
}

/** Moves all schedules, together: from then on they come here, and not there. */
export async function moveSchedules(move: ScheduleMove): Promise<void> {
  const { source, tally, now } = move
  const reports = await passage(move, async (here, there) => {
    const schedules = await source.takeSchedules(there, now)
    const done: { schedule: ForeignSchedule; report: ScheduleReport }[] = []
    const moved = new Set<string>()
    for (const schedule of schedules) {
      const report = await arrivalOf(here, move, schedule, moved)
      if (report.outcome === 'moved') moved.add(report.name)
      done.push({ schedule, report })
    }
    const remove = async (on: Queryable): Promise<void> => {
      for (const { schedule, report } of done)
        if (report.outcome !== 'left') await source.removeSchedule(on, schedule)
    }
    return { result: done.map(({ report }) => report), remove }
  })
  for (const report of reports) tally.addSchedule(report)
}

/** @param moved names of those that have come in this passage: another of that name is another */
async function arrivalOf(
  here: Queryable,
  { schema, rules, now, source }: ScheduleMove,
  schedule: ForeignSchedule,
  moved: ReadonlySet<string>,
): Promise<ScheduleReport> {
  const { name, expression, notes, obstacle } = schedule
  const report = (outcome: Outcome, ...said: readonly string[]): ScheduleReport => ({
    name,
    expression,
    outcome,
    notes: said,
  })
  if (obstacle !== undefined) return report('left', obstacle)
  try {
    const definition = mappedSchedule(schedule, rules, now)
    if (await createSchedule(here, schema, name, definition, `import from ${source.name}`))
      return report('moved', ...notes)
    return !moved.has(name) && (await isSame(here, schema, name, definition))
      ? report('before')
      : report('left', 'there is another schedule of that name here: delete or rename one of the two')
  } catch (error) {
    if (error instanceof KongTaskError) return report('left', `${error.code}: ${error.message}`)
    throw error
  }
}

/**
 * The one that is here says the same: whoever brought it was interrupted before it was taken away there. What is encrypted is
 * another text each time, and so another schedule.
 */
async function isSame(
  here: Queryable,
  schema: string,
  name: string,
  { job, nextTick: _nextTick, ...timing }: ScheduleDefinition,
): Promise<boolean> {
  const [found] = await readSchedules(here, schema, name)
  if (found === undefined) return false
  const { expression, tz, catchUp, within, task, options, payload } = found.info
  const wanted: Json = JSON.parse(job.payload)
  const asked = { ...timing, task: job.task, options: job.options, payload: wanted }
  return sameText({ expression, tz, catchUp, within, task, options, payload }) === sameText(asked)
}

function sameText(value: object): string {
  const json: Json = JSON.parse(JSON.stringify(value))
  return canonicalJson(json)
}
