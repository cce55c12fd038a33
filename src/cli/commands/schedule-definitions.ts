// The verbs of `schedules` that say what a schedule is: create and change.
import type { Command } from 'commander'
import type { ScheduleChanges } from '../../client/schedules.ts'
import { KongTaskError } from '../../core/errors.ts'
import { checkScheduleName, checkTaskName } from '../../core/names.ts'
import type { ScheduleInfo } from '../../core/schedule-info.ts'
import type { Project } from '../../project/read-project.ts'
import type { Action, CommandContext } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withKnownSchedule } from '../known-schedule.ts'
import { checkKnownTask } from '../known-task.ts'
import { readPayload } from '../payload-argument.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { findProjectTasks } from '../project-tasks.ts'
import { addScheduleFlags, readScheduleFlags } from '../schedule-flags.ts'
import { shownTime } from '../shown-time.ts'
import { checkTaskPayload, contractOf } from '../task-adder.ts'
import { wholePayload } from '../whole-payload.ts'
import { withClient } from '../with-client.ts'

export function declareCreate(group: Command): Command {
  const command = group
    .command('create')
    .argument('<expression>', "when it comes, in quotes: '0 6 * * MON-FRI', '@daily', '@every 90s'")
    .argument('<task>', 'the name of the task')
    .summary('make a schedule')
    .description(
      'Makes a schedule that adds jobs of a task. It comes first with its next tick from now on. Where the project has ' +
        'tasks, the task must be one of theirs, and the payload is checked as they say.',
    )
    .option('--name <name>', "what it is known by (default: the task's name)")
    .option('--payload <json>', 'JSON; @file reads it from a file, - from standard input (default: {})')
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--any-task', 'make it by name, without looking at the tasks of the project')
  return addProjectOptions(addScheduleFlags(command)).addHelpText(
    'after',
    `
Exit codes: 0 it is there; 1 there is one of that name, or it could not be made; 2, 130 as ever.

Examples:
  $ kongtask schedules create '0 6 * * MON-FRI' send_report --payload '{"to":"ada@example.org"}' --tz Europe/Berlin
  $ kongtask schedules create '@every 90s' poll --name poll:slow --queue slow --catch-up latest --within 1h`,
  )
}

export function declareChange(group: Command): Command {
  const command = group
    .command('change')
    .argument('<name>', 'of the schedule')
    .summary('say anew when it comes, or what it adds')
    .description(
      'Changes what is said of a schedule; the rest stays as it is. With another expression or time zone it comes with the ' +
        'next tick of that. Of one that code declares, the change holds until code says something else than it said.',
    )
    .option('--expression <expression>', "when it comes, in quotes: '0 6 * * *'")
    .option('--task <name>', 'another task; its payload has to be said, too')
    .option('--payload <json>', 'JSON; @file reads it from a file, - from standard input')
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--any-task', 'without looking at the tasks of the project')
  return addProjectOptions(addScheduleFlags(command)).addHelpText(
    'after',
    `
Exit codes: 0 it is as said now; 1 there is none of that name, or it could not be changed; 2, 130 as ever.

Examples:
  $ kongtask schedules change morning --expression '0 7 * * MON-FRI' --by ada
  $ kongtask schedules change morning --payload @report.json --priority 0`,
  )
}

export const create: Action = async (given, context) => {
  const [expression = '', task = ''] = context.args
  // Before anything is opened: a slip is told at once.
  const name = checkTaskName(task)
  const options = readScheduleFlags(given)
  const text = await readPayload(given['payload'], context)
  const project = await readGivenProject(given, context, ['tasks'])
  const known = given['anyTask'] === true ? undefined : await findProjectTasks(project, context.cwd)
  return withClient(project, context, async (kong) => {
    if (known !== undefined) await checkKnownTask(name, known, kong)
    const contract = contractOf(known?.tasks, name)
    const payload = contract?.raw === true ? text : wholePayload(text)
    if (contract === undefined) await checkTaskPayload(known?.tasks, name, payload, secrecyOf(project))
    const info = await kong.schedules.create(expression, contract ?? name, payload, options)
    return tell(info, context)
  })
}

export const change: Action = async (given, context) => {
  const name = checkScheduleName(context.args[0])
  const { expression, task, payload } = given
  const { by, ...options } = readScheduleFlags(given)
  const changes: ScheduleChanges = {
    ...options,
    ...(typeof expression === 'string' ? { expression } : {}),
    ...(typeof task === 'string' ? { task: checkTaskName(task) } : {}),
    ...(payload === undefined ? {} : { payload: wholePayload(await readPayload(payload, context)) }),
  }
  if (Object.keys(changes).length === 0)
    throw new KongTaskError('KT_USAGE_INVALID', 'Say what is to be changed: --expression, --payload, --tz …')
  return withKnownSchedule(name, given, context, async (kong, info, project) => {
    const known = given['anyTask'] === true ? undefined : await findProjectTasks(project, context.cwd)
    if (known !== undefined && typeof task === 'string') await checkKnownTask(task, known, kong)
    const target = typeof task === 'string' ? task : info.task
    if (payload !== undefined)
      await checkTaskPayload(known?.tasks, target, changes.payload, secrecyOf(project))
    tell(await kong.schedules.change(name, { ...changes, by }), context)
  })
}

/** What is encrypted is not to be in an error either. */
function secrecyOf({ settings }: Project): { readonly isSecret: boolean } {
  return { isSecret: settings.encryption !== undefined }
}

function tell(info: ScheduleInfo, { terminal, isJson }: CommandContext): typeof EXIT.done {
  const { name, task, nextTick, pausedAt } = info
  const next =
    pausedAt === undefined
      ? nextTick === undefined
        ? 'never again'
        : shownTime(nextTick)
      : 'once it is resumed'
  if (isJson) terminal.say(JSON.stringify({ schedule: info }))
  else terminal.say(`The schedule ${name} adds ${task} next: ${next}.`)
  return EXIT.done
}
