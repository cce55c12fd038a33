import type { JobResult } from '../../client/job-result.ts'
import type { KongTask } from '../../client/client.ts'
import { KongTaskError } from '../../core/errors.ts'
import type { AddedJob } from '../../core/new-job.ts'
import { suggestion } from '../../core/near-miss.ts'
import { showText } from '../../core/show-value.ts'
import type { Action, CommandContext, Declare, GivenOptions } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { Interruption } from '../interruption.ts'
import { addJobOptionFlags, readJobOptionFlags } from '../job-option-flags.ts'
import { readPayload } from '../payload-argument.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { findProjectTasks, type ProjectTasks } from '../project-tasks.ts'
import { withClient } from '../with-client.ts'
import { adderOf } from '../task-adder.ts'

export const add: Declare = (program, perform) => {
  const command = program
    .command('add')
    .argument('<task>', 'the name of the task')
    .summary('add a job')
    .description(
      'Adds a job. Where the project has tasks, the name must be one of theirs, and the payload is checked as they say.',
    )
    .option('--payload <json>', 'JSON; @file reads it from a file, - from standard input (default: {})')
    .option(
      '--wait [duration]',
      'wait until the job is over, so long at the most: 30s, 5m (default: without end)',
    )
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--any-task', 'add it by name, without looking at the tasks of the project')
  addJobOptionFlags(command)
  addProjectOptions(command).addHelpText(
    'after',
    `
Exit codes: 0 the job is there (with --wait: it is completed); 3 with --wait: it is dead or cancelled, or was not over in
time; 1, 2, 130 as ever. Who stops waiting does not stop the job.

Examples:
  $ kongtask add send_email --payload '{"to":"ada@example.org"}'
  $ kongtask add send_email --payload @mail.json --scheduled-in 10m --queue email
  $ jq -c .order order.json | kongtask add process_order --payload - --wait 1m --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const [name = ''] = context.args
  // Before anything is opened: a slip is told at once.
  const options = readJobOptionFlags(given)
  const text = await readPayload(given['payload'], context)
  const project = await readGivenProject(given, context, ['tasks'])
  const known = given['anyTask'] === true ? undefined : await findProjectTasks(project, context.cwd)
  return withClient(project, context, async (kong) => {
    if (known !== undefined) await checkKnown(name, known, kong)
    const added = await adderOf(known?.tasks, name)(kong, text, options)
    if (given['wait'] === undefined) return tellAdded(name, added, context)
    await tellWhereNobodyWorks(name, kong, context)
    return waitFor(name, added, kong.jobs.result, given, context)
  })
}

/** Tasks that others perform count, too. @throws KT_TASK_UNKNOWN */
async function checkKnown(name: string, { names }: ProjectTasks, kong: KongTask): Promise<void> {
  if (names.includes(name)) return
  const others = (await kong.tasks.list()).map((task) => task.name)
  if (others.includes(name)) return
  const all = [...names, ...others]
  throw new KongTaskError(
    'KT_TASK_UNKNOWN',
    `There is no task ${showText(name)}.${suggestion(name, all) || ` There are: ${all.join(', ')}.`} With --any-task it is added all the same, and waits for a worker that knows it.`,
  )
}

function tellAdded(task: string, { id, status }: AddedJob, { terminal, isJson }: CommandContext): ExitCode {
  if (isJson) terminal.say(JSON.stringify({ id, task, status }))
  else terminal.say(sentence(task, { id, status }))
  return EXIT.done
}

function sentence(task: string, { id, status }: AddedJob): string {
  if (status === 'skipped') return `${task} ${id} has the unique key already; nothing was added.`
  return status === 'replaced'
    ? `${task} ${id} was there already, and is as said now.`
    : `${task} ${id} added.`
}

/** Otherwise it would wait without a word. */
async function tellWhereNobodyWorks(
  name: string,
  kong: KongTask,
  { terminal }: CommandContext,
): Promise<void> {
  const known = (await kong.tasks.list()).find((task) => task.name === name)
  if (known === undefined || known.workers === 0)
    terminal.tell(`No process performs ${name} now; start one with kongtask dev or kongtask work.`)
}

async function waitFor(
  task: string,
  added: AddedJob,
  resultOf: JobResult,
  { wait }: GivenOptions,
  { terminal, isJson, signal }: CommandContext,
): Promise<ExitCode> {
  const { id, status } = added
  if (!isJson) terminal.say(sentence(task, added))
  terminal.progress(`waiting for ${task} ${id}`)
  try {
    const result = await resultOf(id, { signal, timeout: typeof wait === 'string' ? wait : undefined })
    if (isJson) terminal.say(JSON.stringify({ id, task, status, state: 'completed', result: result ?? null }))
    else
      terminal.say(
        `${terminal.paint('green', '✓')} completed${result === undefined ? '' : `: ${JSON.stringify(result)}`}`,
      )
    return EXIT.done
  } catch (error) {
    const state = error instanceof KongTaskError ? STATES[error.code] : undefined
    if (state === undefined || error instanceof Interruption || !(error instanceof KongTaskError)) throw error
    const { code, message } = error
    if (isJson) terminal.say(JSON.stringify({ id, task, status, state, error: { code, message } }))
    else terminal.say(`${terminal.paint('red', '✗')} ${code}: ${message}`)
    return EXIT.unwell
  }
}

/** What the job has come to; null where it has not yet. */
const STATES: Readonly<Partial<Record<KongTaskError['code'], string | null>>> = {
  KT_JOB_DEAD: 'dead',
  KT_JOB_CANCELLED: 'cancelled',
  KT_RESULT_TIMEOUT: null,
}
