import type { Command } from 'commander'
import { KongTaskError } from '../../core/errors.ts'
import { checkJobId } from '../../core/job-id.ts'
import type { Action, Declare } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT } from '../exit-codes.ts'
import {
  addJobFilterFlags,
  hasJobFilterFlags,
  readDeadLetterFilterFlags,
  warnOfUnknownNames,
} from '../job-filter-flags.ts'
import { addPageFlags, tellJobPage } from '../job-table.ts'
import {
  addMatchFlags,
  MATCHES_HELP,
  operateOnMatches,
  tellOperated,
  type VerbWords,
} from '../operate-matches.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { shownTime } from '../shown-time.ts'
import { tableLines } from '../table.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'

export const dead: Declare = (program, perform) => {
  const group = commandGroup(program, 'dead', {
    summary: 'dead letters: look at them, bring them back, forget them',
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
  return addProjectOptions(addPageFlags(addJobFilterFlags(command, OF_DEAD_LETTERS))).addHelpText(
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
  return addProjectOptions(addJobFilterFlags(addMatchFlags(command), OF_DEAD_LETTERS)).addHelpText(
    'after',
    `${MATCHES_HELP}

Examples:
  $ kongtask dead redrive 17
  $ kongtask dead redrive --task send_email --error "timeout" --rate 50/s --yes`,
  )
}

function declarePurge(group: Command): Command {
  const command = group
    .command('purge')
    .argument('[id]', 'of one dead letter; without, all that fit the filters')
    .summary('forget dead letters')
    .description('Forgets dead letters, with their errors. They cannot be brought back.')
    .option('--older-than <duration>', 'that died longer ago: 30d')
  return addProjectOptions(addJobFilterFlags(addMatchFlags(command), OF_DEAD_LETTERS)).addHelpText(
    'after',
    `${MATCHES_HELP}

Examples:
  $ kongtask dead purge 17
  $ kongtask dead purge --older-than 30d --yes`,
  )
}

const list: Action = async (given, context) => {
  const { terminal, isJson } = context
  const filter = readDeadLetterFilterFlags(given)
  const limit = wholeNumber(given['limit'])
  const after = typeof given['after'] === 'string' ? given['after'] : undefined
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    await warnOfUnknownNames(filter, kong, terminal)
    if (given['groups'] !== true) {
      tellJobPage(await kong.deadLetters.list(filter, { limit, after }), context)
      return EXIT.done
    }
    const found = await kong.deadLetters.groups(filter)
    if (isJson) terminal.say(JSON.stringify(found))
    else if (found.groups.length === 0) terminal.say('No dead letter fits.')
    else {
      const rows = found.groups.map(({ count, task, lastAt, example, error }) => [
        count,
        task,
        shownTime(lastAt),
        example,
        error,
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
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    if (id !== undefined) return tellOperated(REDRIVE, await kong.deadLetters.redrive(id), context)
    await warnOfUnknownNames(filter, kong, context.terminal)
    return operateOnMatches(
      REDRIVE,
      (options) => kong.deadLetters.redrive(filter, { ...options, rate }),
      given,
      context,
    )
  })
}

const purge: Action = async (given, context) => {
  const filter = readDeadLetterFilterFlags(given)
  const olderThan = typeof given['olderThan'] === 'string' ? given['olderThan'] : undefined
  const says = hasJobFilterFlags(given) || olderThan !== undefined ? 1 : 0
  const id = idOf(context.args, says, 'filters such as --older-than or --task')
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    if (id !== undefined) return tellOperated(PURGE, await kong.deadLetters.purge(id), context)
    await warnOfUnknownNames(filter, kong, context.terminal)
    return operateOnMatches(
      PURGE,
      (options) => kong.deadLetters.purge(filter, { ...options, olderThan }),
      given,
      context,
    )
  })
}

/** The id; undefined where filters are given. @throws KT_USAGE_INVALID where it is neither, or both */
function idOf([id]: readonly string[], says: number, others: string): string | undefined {
  if ((id === undefined ? 0 : 1) + says === 1) return id === undefined ? undefined : checkJobId(id)
  throw new KongTaskError('KT_USAGE_INVALID', `Give the id of a dead letter, or ${others}; one of these.`)
}
