import type { Command } from 'commander'
import { checkQueueName } from '../../core/names.ts'
import type { QueueInfo } from '../../core/queue-info.ts'
import type { Action, Declare } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT } from '../exit-codes.ts'
import { checkKnownName } from '../known-name.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { shownAge, shownTime } from '../shown-time.ts'
import { tableLines } from '../table.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'

export const queues: Declare = (program, perform) => {
  const group = commandGroup(program, 'queues', {
    description: 'Looks at queues, and pauses and resumes them over all processes.',
    examples: ['queues list', 'queues pause email'],
  })
  perform(declareList(group), list)
  perform(declarePause(group), pause)
  perform(declareResume(group), resume)
}

function declareList(group: Command): Command {
  const command = group
    .command('list')
    .summary('all queues, and what is in them')
    .description('Lists all queues with what is in them, and for how long the oldest ready job has been due.')
    .option('--count-to <number>', 'count no further than so many of a state, 0 to 1000000 (default: 10000)')
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask queues list\n  $ kongtask queues list --count-to 1000000 --json',
  )
}

function declarePause(group: Command): Command {
  const command = group
    .command('pause')
    .argument('<queue>', 'its name')
    .summary('start no more of its jobs')
    .description('Starts no more jobs of a queue, on any process. What runs goes on, and so does adding.')
    .option('--any-queue', 'also one that nobody has used yet')
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask queues pause email\n  $ kongtask queues pause reports --any-queue',
  )
}

function declareResume(group: Command): Command {
  const command = group
    .command('resume')
    .argument('<queue>', 'its name')
    .summary('let its jobs start again')
    .description('Lets the jobs of a queue start again.')
  return addProjectOptions(command).addHelpText('after', '\nExamples:\n  $ kongtask queues resume email')
}

const list: Action = async (given, context) => {
  const { terminal, isJson } = context
  const countTo = wholeNumber(given['countTo'], 'countTo') ?? 10_000
  const project = await readGivenProject(given, context)
  const found = await withClient(project, context, (kong) => kong.queues.list({ countTo }))
  if (isJson) terminal.say(JSON.stringify({ queues: found, countTo }))
  else if (found.length === 0) terminal.say('There is no queue yet.')
  else {
    const rows = found.map((queue) => rowOf(queue, countTo))
    for (const line of tableLines(terminal, ['queue', 'ready', 'running', 'scheduled', 'oldest', ''], rows))
      terminal.say(line)
  }
  return EXIT.done
}

function rowOf(queue: QueueInfo, countTo: number): readonly (string | number)[] {
  const { name, ready, running, scheduled, oldestReadyAge, pausedAt, concurrency, rateLimit } = queue
  const counted = (count: number): string | number => (count >= countTo ? `${count}+` : count)
  const notes = [
    ...(pausedAt === undefined ? [] : [`paused since ${shownTime(pausedAt)}`]),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(rateLimit === undefined ? [] : [`${rateLimit.limit} per ${shownAge(rateLimit.per)}`]),
  ]
  return [
    name,
    counted(ready),
    counted(running),
    counted(scheduled),
    shownAge(oldestReadyAge),
    notes.join(', '),
  ]
}

const pause: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const name = checkQueueName(args[0])
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    const hint = ' With --any-queue one that nobody has used yet is paused.'
    if (given['anyQueue'] !== true)
      checkKnownName(name, await kong.queues.list({ countTo: 0 }), {
        kind: 'queue',
        code: 'KT_QUEUE_NOT_FOUND',
        hint,
      })
    await kong.queues.pause(name)
    if (isJson) terminal.say(JSON.stringify({ queue: name, paused: true }))
    else terminal.say(`The queue ${name} is paused.`)
    return EXIT.done
  })
}

const resume: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const name = checkQueueName(args[0])
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    const known = await kong.queues.list({ countTo: 0 })
    checkKnownName(name, known, { kind: 'queue', code: 'KT_QUEUE_NOT_FOUND' })
    await kong.queues.resume(name)
    if (isJson) terminal.say(JSON.stringify({ queue: name, paused: false }))
    else terminal.say(`The queue ${name} is resumed.`)
    return EXIT.done
  })
}
