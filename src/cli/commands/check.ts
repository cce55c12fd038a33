import type { PayloadCheck } from '../../client/check-payloads.ts'
import type { Action, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { plainText } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { loadProjectTasks } from '../project-tasks.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { wholeNumber } from '../whole-number.ts'
import { withClient } from '../with-client.ts'

export const check: Declare = (program, perform) => {
  const command = program
    .command('check')
    .description(
      'Opens, brings up to date and validates the payload of every job that is not over, as a worker with the tasks at hand ' +
        'would. Runs nothing and writes nothing. For a deploy, before the new code works.',
    )
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--limit <number>', 'failures to list, 1 to 10000; all are counted (default: 100)')
  addProjectOptions(command).addHelpText(
    'after',
    `
Exit codes: 0 none would fail; 3 some would; 1, 2, 130 as ever. Jobs of newer versions and of tasks that are not here would
wait, and are no failures.

Examples:
  $ kongtask check
  $ kongtask check --tasks dist/tasks --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { cwd, signal, terminal, isJson } = context
  const project = await readGivenProject(given, context, ['tasks'])
  const { tasks } = await loadProjectTasks(project, cwd)
  const limit = wholeNumber(given['limit'])
  const result = await withClient(project, context, (kong) => {
    terminal.progress('checking')
    const onProgress = (checked: number): void => terminal.progress(`checking: ${checked} jobs`)
    return kong.checkPayloads(tasks, { limit, signal, onProgress })
  })
  if (isJson) terminal.say(JSON.stringify(result))
  else describe(result, terminal)
  return result.isFine ? EXIT.done : EXIT.unwell
}

function describe({ isFine, checked, tasks, failures }: PayloadCheck, terminal: Terminal): void {
  if (tasks.length > 0) {
    const rows = tasks.map(({ task, isKnown, ...counts }) => [
      task,
      counts.checked,
      counts.upcast,
      counts.newer,
      counts.failed,
      isKnown ? '' : 'not among the tasks here: only counted',
    ])
    for (const line of tableLines(terminal, ['task', 'jobs', 'upcast', 'newer', 'failed', ''], rows))
      terminal.say(line)
  }
  for (const { id, task, code, why } of failures)
    terminal.say(`${terminal.paint('red', '✗')} ${task} ${id}  ${code}: ${plainText(why)}`)
  const what = `${checked} ${checked === 1 ? 'job' : 'jobs'} checked`
  terminal.say(isFine ? `${what}, none would fail.` : `${what}, some would fail.`)
}
