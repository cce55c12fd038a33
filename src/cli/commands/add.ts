import type { KongTask } from '../../client/client.ts'
import type { KongTaskError } from '../../core/errors.ts'
import type { AddedJob } from '../../core/new-job.ts'
import type { Action, CommandContext, Declare, GivenOptions } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { failureOf } from '../failure.ts'
import { checkKnownTask } from '../known-task.ts'
import { addJobOptionFlags, readJobOptionFlags } from '../job-option-flags.ts'
import { readPayload } from '../payload-argument.ts'
import { plainText } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { findProjectTasks } from '../project-tasks.ts'
import { withClient } from '../with-client.ts'
import { adderOf } from '../task-adder.ts'

export const add: Declare = (program, perform) => {
  const command = program
    .command('add')
    .argument('<task>', 'the name of the task')
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
Exit codes: 0 the job is there (with --wait: it is completed, or over and nothing is kept of it); 3 with --wait: it is dead
or cancelled, or was not over in time; 1, 2, 130 as ever. Who stops waiting does not stop the job. Once it is added, its id is
printed, whatever comes after.

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
    if (known !== undefined) await checkKnownTask(name, known, kong)
    const isSecret = project.settings.encryption !== undefined
    const added = await adderOf(known?.tasks, name, { isSecret })(kong, text, options)
    if (given['wait'] === undefined) return tellAdded(name, added, context)
    return waitFor(name, added, kong, given, context)
  })
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

/** Otherwise it would wait without a word. Where nobody can say, the waiting goes on. */
async function tellWhereNobodyWorks(
  name: string,
  kong: KongTask,
  { terminal }: CommandContext,
): Promise<void> {
  const tasks = await kong.tasks.list().catch(() => undefined)
  if (tasks === undefined) return
  const known = tasks.find((task) => task.name === name)
  if (known === undefined || known.workers === 0)
    terminal.tell(`No process performs ${name} now; start one with kongtask dev or kongtask work.`)
}

async function waitFor(
  task: string,
  added: AddedJob,
  kong: KongTask,
  { wait }: GivenOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, isJson, signal } = context
  const { id, status } = added
  const sayJson = (more: object): void => {
    if (isJson) terminal.say(JSON.stringify({ id, task, status, ...more }))
  }
  if (!isJson) terminal.say(sentence(task, added))
  await tellWhereNobodyWorks(task, kong, context)
  terminal.progress(`waiting for ${task} ${id}`)
  try {
    const timeout = typeof wait === 'string' ? wait : undefined
    const result = await kong.jobs.result(id, { signal, timeout })
    sayJson({ state: 'completed', result: result ?? null })
    const shown = result === undefined ? '' : `: ${plainText(JSON.stringify(result))}`
    if (!isJson) terminal.say(`${terminal.paint('green', '✓')} completed${shown}`)
    return EXIT.done
  } catch (error) {
    const { code = null, message } = failureOf(error)
    if (code === 'KT_JOB_NOT_FOUND') {
      sayJson({ state: 'gone' })
      if (!isJson) terminal.say(`${terminal.paint('green', '✓')} over; nothing is kept of it`)
      return EXIT.done
    }
    const state = code === null ? undefined : STATES[code]
    sayJson({ state: state ?? null, error: { code, message } })
    // What has become of the job is not known, and why is told as ever.
    if (state === undefined) throw error
    if (!isJson) terminal.say(`${terminal.paint('red', '✗')} ${code}: ${plainText(message)}`)
    return EXIT.unwell
  }
}

/** What the job has come to; null where it has not yet. */
const STATES: Readonly<Partial<Record<KongTaskError['code'], string | null>>> = {
  KT_JOB_DEAD: 'dead',
  KT_JOB_CANCELLED: 'cancelled',
  KT_RESULT_TIMEOUT: null,
}
