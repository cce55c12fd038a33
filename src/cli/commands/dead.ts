import type { Command } from 'commander'
import type { KongTask } from '../../client/client.ts'
import type { BulkOptions } from '../../core/bulk.ts'
import { KongTaskError } from '../../core/errors.ts'
import { checkJobId } from '../../core/job-id.ts'
import type { Action, Declare } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT } from '../exit-codes.ts'
import { hasJobFilterFlags, readDeadLetterFilterFlags, warnOfUnknownNames } from '../job-filter-flags.ts'
import { addListFlags, addVerbFlags, listMatches, operate } from '../matching-jobs.ts'
import type { VerbWords } from '../operate-matches.ts'
import { plainLine } from '../plain-text.ts'
import { readGivenProject } from '../project-options.ts'
import { shownTime } from '../shown-time.ts'
import { tableLines } from '../table.ts'
import { withClient } from '../with-client.ts'

export const dead: Declare = (program, perform) => {
  const group = commandGroup(program, 'dead', {
    description: 'Jobs that were given up: what they died of, bringing them back, and forgetting them.',
    examples: [
      'dead list --groups',
      'dead redrive --task send_email --rate 50/s',
      'dead purge --older-than 30d',
    ],
  })
  perform(declareList(group), list)
  perform(declareRedrive(group), redrive)
  perform(declarePurge(group), purge)
}

const OF_DEAD_LETTERS = { hasStates: false }
const REDRIVE: VerbWords = { verb: 'redrive', done: 'redriven', noun: 'dead letter' }
const PURGE: VerbWords = { verb: 'purge', done: 'purged', noun: 'dead letter' }

function declareList(group: Command): Command {
  const command = group
    .command('list')
    .summary('dead letters that fit, newest first')
    .description('Lists dead letters that fit, newest first, or what they died of.')
    .option('--groups', 'by task and error instead, the most frequent first; of the latest 10,000')
  return addListFlags(command, OF_DEAD_LETTERS).addHelpText(
    'after',
    `
Examples:
  $ kongtask dead list --groups
  $ kongtask dead list --task send_email --error "user <n> not found" --json`,
  )
}

function declareRedrive(group: Command): Command {
  const command = group
    .command('redrive')
    .argument('[id]', 'of one dead letter; without, all that fit the filters')
    .summary('bring dead letters back to life')
    .description(
      'Brings dead letters back: ready at once, with all their attempts ahead of them and their errors kept.',
    )
    .option('--all', 'all dead letters that there are')
    .option('--rate <rate>', 'no more than so many: 100/s, 30/m (default: as fast as it goes)')
  const examples = ['dead redrive 17', 'dead redrive --task send_email --error "timeout" --rate 50/s --yes']
  return addVerbFlags(command, examples, OF_DEAD_LETTERS)
}

function declarePurge(group: Command): Command {
  const command = group
    .command('purge')
    .argument('[id]', 'of one dead letter; without, all that fit the filters')
    .summary('forget dead letters')
    .description('Forgets dead letters, with their errors. They cannot be brought back.')
    .option('--older-than <duration>', 'that died longer ago: 30d')
  return addVerbFlags(command, ['dead purge 17', 'dead purge --older-than 30d --yes'], OF_DEAD_LETTERS)
}

const list: Action = async (given, context) =>
  given['groups'] === true ? listGroups(given, context) : listLetters(given, context)

const listLetters: Action = async (given, context) => {
  const filter = readDeadLetterFilterFlags(given)
  return listMatches(filter, (kong, page) => kong.deadLetters.list(filter, page), given, context)
}

const listGroups: Action = async (given, context) => {
  const { terminal, isJson } = context
  const filter = readDeadLetterFilterFlags(given)
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    await warnOfUnknownNames(filter, kong, terminal)
    const found = await kong.deadLetters.groups(filter)
    if (isJson) terminal.say(JSON.stringify(found))
    else if (found.groups.length === 0) terminal.say('No dead letter fits.')
    else {
      const rows = found.groups.map(({ count, task, lastAt, example, error }) => [
        count,
        task,
        shownTime(lastAt),
        example,
        plainLine(error),
      ])
      for (const line of tableLines(terminal, ['jobs', 'task', 'last', 'example', 'error'], rows))
        terminal.say(line)
      if (!found.complete) terminal.say('The latest 10,000 were looked at.')
    }
    return EXIT.done
  })
}

const redrive: Action = async (given, context) => {
  const filter = readDeadLetterFilterFlags(given)
  const says = [given['all'] === true, hasJobFilterFlags(given)].filter(Boolean).length
  const id = idOf(context.args, says, '--all, or filters such as --task or --error')
  const rate = typeof given['rate'] === 'string' ? given['rate'] : undefined
  const operation = {
    words: REDRIVE,
    id,
    filter,
    one: (kong: KongTask, target: string) => kong.deadLetters.redrive(target),
    all: (kong: KongTask, options: BulkOptions) => kong.deadLetters.redrive(filter, { ...options, rate }),
  }
  return operate(operation, given, context)
}

const purge: Action = async (given, context) => {
  const filter = readDeadLetterFilterFlags(given)
  const olderThan = typeof given['olderThan'] === 'string' ? given['olderThan'] : undefined
  const says = hasJobFilterFlags(given) || olderThan !== undefined ? 1 : 0
  const id = idOf(context.args, says, 'filters such as --older-than or --task')
  const operation = {
    words: PURGE,
    id,
    filter,
    one: (kong: KongTask, target: string) => kong.deadLetters.purge(target),
    all: (kong: KongTask, options: BulkOptions) => kong.deadLetters.purge(filter, { ...options, olderThan }),
  }
  return operate(operation, given, context)
}

/** The id; undefined where filters are given. @throws KT_USAGE_INVALID where it is neither, or both */
function idOf([id]: readonly string[], says: number, others: string): string | undefined {
  if ((id === undefined ? 0 : 1) + says === 1) return id === undefined ? undefined : checkJobId(id)
  throw new KongTaskError('KT_USAGE_INVALID', `Give the id of a dead letter, or ${others}; one of these.`)
}
