import type { Command } from 'commander'
import type { KongTask } from '../../client/client.ts'
import { checkScheduleName } from '../../core/names.ts'
import type { ScheduleChange, ScheduleInfo } from '../../core/schedule-info.ts'
import type { Acting } from '../../core/schedule-options.ts'
import type { Action, Declare } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT } from '../exit-codes.ts'
import { checkKnownSchedule, withKnownSchedule } from '../known-schedule.ts'
import { plainLine } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { shownAge, shownTime } from '../shown-time.ts'
import { tableLines } from '../table.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'
import { change, create, declareChange, declareCreate } from './schedule-definitions.ts'

export const schedules: Declare = (program, perform) => {
  const group = commandGroup(program, 'schedules', {
    description:
      'Looks at schedules, of code, of a crontab and made at run time; makes and changes them, and steers them.',
    examples: [
      'schedules list',
      "schedules preview '0 6 * * MON-FRI' --tz Europe/Berlin",
      'schedules pause nightly',
    ],
  })
  perform(declareList(group), list)
  perform(declareShow(group), show)
  perform(declarePreview(group), preview)
  perform(declareCreate(group), create)
  perform(declareChange(group), change)
  for (const verb of VERBS) perform(declareVerb(group, verb), steer(verb))
  perform(declareChanges(group), changes)
}

function declareList(group: Command): Command {
  const command = group
    .command('list')
    .summary('all schedules')
    .description('Lists all schedules by name, with their next and their last tick.')
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask schedules list\n  $ kongtask schedules list --json',
  )
}

function declareShow(group: Command): Command {
  const command = group
    .command('show')
    .argument('<name>', 'of the schedule')
    .summary('all of one schedule')
    .description(
      'Shows a schedule, and the latest ticks that fired with their jobs; these are kept for a week.',
    )
    .option('--limit <number>', 'ticks to show, 1 to 1000 (default: 10)')
  return addProjectOptions(command).addHelpText('after', '\nExamples:\n  $ kongtask schedules show nightly')
}

function declarePreview(group: Command): Command {
  const command = group
    .command('preview')
    .argument('<name or expression>', 'a schedule, or an expression that is none yet, in quotes')
    .summary('when a schedule comes next')
    .description('Says when a schedule comes next, or would. Times are in UTC.')
    .option('--count <number>', 'how many times, 1 to 1000 (default: 5)')
    .option('--after <time>', 'behind this time: 2026-09-01T08:00:00Z (default: now)')
    .option('--tz <zone>', 'of the clock times: Europe/Berlin (default: that of the schedule, or UTC)')
  return addProjectOptions(command).addHelpText(
    'after',
    `
Examples:
  $ kongtask schedules preview nightly --count 10
  $ kongtask schedules preview '30 2 * * *' --tz Europe/Berlin --after 2026-03-28T00:00:00Z`,
  )
}

function declareChanges(group: Command): Command {
  const command = group
    .command('changes')
    .argument('[name]', 'of a schedule, also of one that is gone (default: all)')
    .summary('who did what')
    .description('Lists who did what with schedules, the latest first. Kept for a year.')
    .option('--limit <number>', 'changes to list, 1 to 1000 (default: 100)')
    .option('--before <id>', 'the next page: the id of the last change of the one before')
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask schedules changes\n  $ kongtask schedules changes nightly --limit 1 --json',
  )
}

const list: Action = async (given, context) => {
  const { terminal, isJson } = context
  const project = await readGivenProject(given, context)
  const found = await withClient(project, context, (kong) => kong.schedules.list())
  if (isJson) terminal.say(JSON.stringify({ schedules: found }))
  else if (found.length === 0) terminal.say('There is no schedule.')
  else {
    const head = ['schedule', 'expression', 'zone', 'task', 'next', 'last', 'from']
    for (const line of tableLines(terminal, head, found.map(rowOf))) terminal.say(line)
  }
  return EXIT.done
}

function rowOf(info: ScheduleInfo): readonly string[] {
  const { name, expression, tz, task, pausedAt, nextTick, lastTick, source } = info
  const next = pausedAt === undefined ? shownTime(nextTick) : 'paused'
  return [name, expression, tz, task, next, shownTime(lastTick), source]
}

const show: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const name = checkScheduleName(args[0])
  const limit = wholeNumber(given['limit']) ?? 10
  return withKnownSchedule(name, given, context, async (kong, info) => {
    const ticks = await kong.schedules.ticks(name, { limit })
    if (isJson) terminal.say(JSON.stringify({ schedule: info, ticks }))
    else {
      for (const line of detailsOf(info)) terminal.say(line)
      for (const { tick, jobId, isCaughtUp, status } of ticks)
        terminal.say(`  ${shownTime(tick)}  job ${jobId} ${status}${isCaughtUp ? ', caught up' : ''}`)
    }
  })
}

function detailsOf(info: ScheduleInfo): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['expression', `${info.expression} (${info.tz})`],
    ['task', info.task],
    ['payload', JSON.stringify(info.payload)],
    ['options', JSON.stringify(info.options)],
    ['catch up', `${info.catchUp}, within ${shownAge(info.within)}`],
    ['from', info.application === undefined ? info.source : `${info.source} of ${info.application}`],
    ['paused', shownTime(info.pausedAt)],
    ['next', shownTime(info.nextTick)],
    ['last', shownTime(info.lastTick)],
  ]
  return [
    info.name,
    ...facts
      .filter(([, value]) => value !== '')
      .map(([key, value]) => plainLine(`${key.padEnd(11)} ${value}`)),
  ]
}

const preview: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const [what = ''] = args
  const [after, tz] = [textOf(given['after']), textOf(given['tz'])]
  const count = wholeNumber(given['count'], 'count')
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    // Names have no spaces and no @ in front.
    if (!/^@|\s/.test(what.trim())) await checkKnownSchedule(what, kong)
    const ticks = await kong.schedules.preview(what, { count, after, tz })
    if (isJson) terminal.say(JSON.stringify({ of: what, ticks }))
    else if (ticks.length === 0) terminal.say('It never comes.')
    else for (const tick of ticks) terminal.say(shownTime(tick))
    return EXIT.done
  })
}

const changes: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const [name] = args
  const [limit, before] = [wholeNumber(given['limit']), textOf(given['before'])]
  const project = await readGivenProject(given, context)
  const found = await withClient(project, context, (kong) => kong.schedules.changes(name, { limit, before }))
  if (isJson) terminal.say(JSON.stringify({ changes: found }))
  else if (found.length === 0) terminal.say('Nothing was done.')
  else
    for (const line of tableLines(terminal, ['id', 'at', 'schedule', 'what', 'by', ''], found.map(changeRow)))
      terminal.say(line)
  return EXIT.done
}

function changeRow({ id, at, schedule, verb, by, before, after }: ScheduleChange): readonly string[] {
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  const differing = keys.filter((key) => JSON.stringify(before?.[key]) !== JSON.stringify(after?.[key]))
  return [id, shownTime(at), schedule, verb, plainLine(by), verb === 'changed' ? differing.join(', ') : '']
}

interface ScheduleVerb {
  readonly verb: 'pause' | 'resume' | 'run' | 'delete'
  readonly summary: string
  readonly description: string
  readonly perform: (
    kong: KongTask,
    name: string,
    acting: Acting,
  ) => Promise<{ said: string; jobId?: string }>
}

const VERBS: readonly ScheduleVerb[] = [
  {
    verb: 'pause',
    summary: 'add no more jobs of it',
    description: 'Lets a schedule fire no more until it is resumed. A pause outlives deploys.',
    perform: async (kong, name, acting) => {
      await kong.schedules.pause(name, acting)
      return { said: 'is paused' }
    },
  },
  {
    verb: 'resume',
    summary: 'let it go on',
    description:
      'Lets a schedule go on with its next tick from now on; those of the pause are not caught up.',
    perform: async (kong, name, acting) => {
      await kong.schedules.resume(name, acting)
      return { said: 'is resumed' }
    },
  },
  {
    verb: 'run',
    summary: 'add a job of it now',
    description: 'Adds a job of a schedule now, paused or not. Its ticks go on as they would.',
    perform: async (kong, name, acting) => {
      const { id, status } = await kong.schedules.runNow(name, acting)
      return { said: `: job ${id} ${status}`, jobId: id }
    },
  },
  {
    verb: 'delete',
    summary: 'delete it',
    description:
      'Deletes a schedule; jobs that it has added stay. One that a living application declares is refused.',
    perform: async (kong, name, acting) => {
      await kong.schedules.delete(name, acting)
      return { said: 'is deleted' }
    },
  },
]

function declareVerb(group: Command, { verb, summary, description }: ScheduleVerb): Command {
  const command = group
    .command(verb)
    .argument('<name>', 'of the schedule')
    .summary(summary)
    .description(description)
    .option('--by <who>', 'who does it, for the audit trail (default: the database role)')
  return addProjectOptions(command).addHelpText(
    'after',
    `\nExamples:\n  $ kongtask schedules ${verb} nightly\n  $ kongtask schedules ${verb} nightly --by ada`,
  )
}

function steer({ verb, perform }: ScheduleVerb): Action {
  return async (given, context) => {
    const { terminal, isJson, args } = context
    const name = checkScheduleName(args[0])
    const by = textOf(given['by'])
    return withKnownSchedule(name, given, context, async (kong) => {
      const { said, jobId } = await perform(kong, name, { by })
      if (isJson) terminal.say(JSON.stringify({ schedule: name, verb, jobId }))
      else terminal.say(`The schedule ${name}${said.startsWith(':') ? '' : ' '}${said}.`)
    })
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
