import { Option } from 'commander'
import type { Logger } from '../../core/logger.ts'
import { run, runOnce } from '../../runner/runner.ts'
import { throwIfBroken } from '../broken-output.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { DEV_GRACE } from '../dev-worker.ts'
import { EXIT } from '../exit-codes.ts'
import { tellJobs } from '../job-lines.ts'
import { jsonLogger, terminalLogger } from '../log-lines.ts'
import { openDatabase } from '../open-database.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { loadProjectTasks, type ProjectTasks } from '../project-tasks.ts'
import { addWorkerFlags, WORKER_SETTINGS } from '../worker-flags.ts'
import { workerOptions } from '../worker-options.ts'

export const work: Declare = (program, perform) => {
  const command = program
    .command('work')
    .description(
      'Works the queues with the tasks of the project: the files of a folder, or what the configuration lists. Creates ' +
        "and updates KongTask's tables at the start, unless `migrate: false` is configured.",
    )
    .option('--once', 'run what is ready, and what that adds, then end')
    .addOption(new Option('--supervised').hideHelp())
  addProjectOptions(addWorkerFlags(command)).addHelpText(
    'after',
    `
SIGTERM and SIGINT (Ctrl-C) stop it in good order: no further job is begun, and what runs has the grace period to end. A
second one ends it at once; then jobs are given back when the lease is over. Nothing is lost either way. It also stops in
good order when what it prints can no longer be written, and ends with 141. With --json it logs one JSON object a line.

Exit codes: 0 it was told to stop and has, or with --once nothing is ready any more; 1, 2 as ever. With --once 130 and 143:
it was stopped before it was done.

Examples:
  $ kongtask work
  $ kongtask work --queues email=10,reports=2 --json
  $ kongtask work --once --tasks src/tasks`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { cwd, signal } = context
  const isSupervised = given['supervised'] === true
  const project = await readGivenProject(given, context, WORKER_SETTINGS)
  const loaded = await loadProjectTasks(project, cwd)
  await using database = await openDatabase(project, context)
  const options = workerOptions({
    project,
    connectionString: database.connectionString,
    tasks: loaded.tasks,
    logger: loggerFor(context, isSupervised),
    signal: isSupervised ? whenAlone(signal) : signal,
    gracePeriod: isSupervised ? DEV_GRACE : undefined,
  })
  if (given['once'] === true) {
    await runOnce(options)
    signal.throwIfAborted()
    return EXIT.done
  }
  const runner = await run(options)
  if (!context.isJson && (isSupervised || context.isVerbose)) tellJobs(runner, context.terminal)
  if (isSupervised && !context.isJson) tellReady(loaded, context)
  await runner.stopped
  throwIfBroken(signal)
  return EXIT.done
}

/** The runner's own is for machines without a terminal. */
function loggerFor(
  { terminal, isJson, isVerbose }: CommandContext,
  isSupervised: boolean,
): Logger | undefined {
  if (isJson) return jsonLogger(terminal, isVerbose)
  return isSupervised || terminal.isInteractive ? terminalLogger(terminal, isVerbose) : undefined
}

/** Whoever started this process, `kongtask dev`, ends it by hanging up, and is gone when the line is dead. */
function whenAlone(signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  process.once('disconnect', () => controller.abort())
  if (!process.connected) controller.abort()
  return AbortSignal.any([signal, controller.signal])
}

function tellReady({ names, files }: ProjectTasks, { terminal }: CommandContext): void {
  for (const name of names) {
    const file = files.get(name)
    terminal.say(
      `  ${terminal.paint('bold', name)}${file === undefined ? '' : terminal.paint('dim', `  ${file}`)}`,
    )
  }
  const [first = 'hello'] = names
  terminal.say(`Ready. From another terminal: npx kongtask add ${first} --payload '{}' --wait`)
}
