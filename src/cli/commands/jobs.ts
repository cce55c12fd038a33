import type { Command } from 'commander'
import type { KongTask } from '../../client/client.ts'
import type { BulkOptions, BulkResult } from '../../core/bulk.ts'
import { KongTaskError } from '../../core/errors.ts'
import type { JobFilter } from '../../core/job-filter.ts'
import type { Job } from '../../core/job.ts'
import { checkJobId } from '../../core/job-id.ts'
import type { Action, Declare } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT } from '../exit-codes.ts'
import { jobDetails } from '../job-details.ts'
import { hasJobFilterFlags, readJobFilterFlags } from '../job-filter-flags.ts'
import { addListFlags, addVerbFlags, listMatches, operate } from '../matching-jobs.ts'
import type { VerbWords } from '../operate-matches.ts'
import { plainText } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { withClient } from '../with-client.ts'

export const jobs: Declare = (program, perform) => {
  const group = commandGroup(program, 'jobs', {
    description: 'Looks at jobs, and retries, cancels or deletes one, or all that fit a filter.',
    examples: ['jobs list --state ready,running', 'jobs explain 17', 'jobs cancel --tag import'],
  })
  perform(declareList(group), list)
  perform(declareShow(group), show)
  perform(declareExplain(group), explain)
  for (const verb of VERBS) perform(declareVerb(group, verb), performVerb(verb))
}

function declareList(group: Command): Command {
  const command = group
    .command('list')
    .summary('jobs that fit, newest first')
    .description('Lists jobs of every state that fit all that is said, newest first.')
  return addListFlags(command).addHelpText(
    'after',
    `
Examples:
  $ kongtask jobs list
  $ kongtask jobs list --state dead --task send_email --error "timeout"
  $ kongtask jobs list --created-from 2026-09-01T00:00:00Z --limit 1000 --json`,
  )
}

function declareShow(group: Command): Command {
  const command = group
    .command('show')
    .argument('<id>', 'of the job')
    .summary('all of one job')
    .description('Shows a job in whatever state: payload, result, errors, and why it is where it is.')
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask jobs show 17\n  $ kongtask jobs show 17 --json | jq .payload',
  )
}

function declareExplain(group: Command): Command {
  const command = group
    .command('explain')
    .argument('<id>', 'of the job')
    .summary('why a job is not running')
    .description(
      'Says why a job is not running, or what became of it: the first thing that is in its way, with the facts.',
    )
  return addProjectOptions(command).addHelpText(
    'after',
    '\nExamples:\n  $ kongtask jobs explain 17\n  $ kongtask jobs explain 17 --json | jq -r .cause',
  )
}

const list: Action = async (given, context) => {
  const filter = readJobFilterFlags(given)
  return listMatches(filter, (kong, page) => kong.jobs.list(filter, page), given, context)
}

const show: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const id = checkJobId(args[0])
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    const [job, explanation] = await Promise.all([kong.jobs.get(id), kong.jobs.explain(id)])
    if (job === undefined)
      throw new KongTaskError(
        'KT_JOB_NOT_FOUND',
        `There is no job ${id} (any more): it never was, was deleted, or has expired.`,
      )
    if (isJson) terminal.say(JSON.stringify(job))
    else for (const line of jobDetails(job, explanation, terminal)) terminal.say(line)
    return EXIT.done
  })
}

const explain: Action = async (given, context) => {
  const { terminal, isJson, args } = context
  const id = checkJobId(args[0])
  const project = await readGivenProject(given, context)
  return withClient(project, context, async (kong) => {
    const explanation = await kong.jobs.explain(id)
    if (explanation.cause === 'not_found') throw new KongTaskError('KT_JOB_NOT_FOUND', explanation.sentence)
    if (isJson) terminal.say(JSON.stringify(explanation))
    else terminal.say(plainText(explanation.sentence))
    return EXIT.done
  })
}

interface JobVerbCommand extends VerbWords {
  readonly summary: string
  readonly description: string
  readonly hasReason?: boolean
  readonly example: string
  readonly one: (kong: KongTask, id: string, reason: string | undefined) => Promise<Job>
  readonly all: (
    kong: KongTask,
    filter: JobFilter,
    options: BulkOptions,
    reason: string | undefined,
  ) => Promise<BulkResult>
}

const VERBS: readonly JobVerbCommand[] = [
  {
    verb: 'retry',
    done: 'retried',
    noun: 'job',
    summary: 'run what failed again',
    description:
      'Runs jobs again: what waits for its retry is due now, and what is over lives again, with all its attempts ahead of ' +
      'it. Where --state names none, it means those that wait for a retry and the dead ones.',
    example: 'jobs retry --task send_email --error "timeout" --yes',
    one: (kong, id) => kong.jobs.retry(id),
    all: (kong, filter, options) => kong.jobs.retry(filter, options),
  },
  {
    verb: 'cancel',
    done: 'cancelled',
    noun: 'job',
    summary: 'cancel jobs that are not over',
    description: 'Cancels jobs: what waits at once, and what runs is told to stop.',
    hasReason: true,
    example: 'jobs cancel --tag import --reason "the file was wrong"',
    one: (kong, id, reason) => kong.jobs.cancel(id, reason),
    all: (kong, filter, options, reason) => kong.jobs.cancel(filter, { ...options, reason }),
  },
  {
    verb: 'delete',
    done: 'deleted',
    noun: 'job',
    summary: 'forget jobs that do not run',
    description:
      'Forgets jobs in whatever state but running, with their errors and results. They cannot be brought back.',
    example: 'jobs delete --state completed --finished-to 2026-09-01T00:00:00Z',
    one: (kong, id) => kong.jobs.delete(id),
    all: (kong, filter, options) => kong.jobs.delete(filter, options),
  },
]

function declareVerb(
  group: Command,
  { verb, summary, description, hasReason, example }: JobVerbCommand,
): Command {
  const command = group
    .command(verb)
    .argument('[id]', 'of one job; without, all that fit the filters')
    .summary(summary)
    .description(description)
  if (hasReason === true) command.option('--reason <text>', 'why; the job keeps it, and its handler is told')
  return addVerbFlags(command, [`jobs ${verb} 17`, example])
}

function performVerb(verb: JobVerbCommand): Action {
  return async (given, context) => {
    const [id] = context.args
    const filter = readJobFilterFlags(given)
    if ((id === undefined) === !hasJobFilterFlags(given))
      throw new KongTaskError(
        'KT_USAGE_INVALID',
        'Give the id of a job, or filters such as --task or --state; one of the two.',
      )
    if (id !== undefined && given['dryRun'] === true)
      throw new KongTaskError('KT_USAGE_INVALID', '--dry-run is for what fits filters, not for one job.')
    const reason = typeof given['reason'] === 'string' ? given['reason'] : undefined
    const operation = {
      words: verb,
      id: id === undefined ? undefined : checkJobId(id),
      filter,
      one: (kong: KongTask, target: string) => verb.one(kong, target, reason),
      all: (kong: KongTask, options: BulkOptions) => verb.all(kong, filter, options, reason),
    }
    return operate(operation, given, context)
  }
}
