import { bench as runBench, type BenchResult } from '../../bench/bench.ts'
import { startPostgres } from '../../embedded/embedded.ts'
import type { Project } from '../../project/read-project.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { isProjectWithDatabase, openDatabase, type OpenDatabase } from '../open-database.ts'
import { plainText } from '../plain-text.ts'
import { progressBar } from '../progress-bar.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { wholeNumber } from '../whole-number.ts'

export const bench: Declare = (program, perform) => {
  const command = program
    .command('bench')
    .description(
      'Adds jobs that do nothing and works them, and says how many a second, how soon an idle worker begins one, and what ' +
        'the database itself could do over as many connections: rows of a bare table, inserted and deleted a hundred at a ' +
        'time. All in a schema of its own, which is dropped in the end, also after Ctrl-C, or named where that cannot be done.',
    )
    .option('--jobs <number>', 'how many, 100 to 10000000 (default: 20000)')
    .option('--concurrency <number>', 'calls of addJob, then jobs, at a time (default: 10)')
  addProjectOptions(command).addHelpText(
    'after',
    `
Where no database is configured it is a throwaway PostgreSQL, which does not wait for the disk. It costs whoever else uses
the database: its processor, its disk, and ten connections. The role must be allowed to create schemas.

Exit codes: 0 it was measured; 1, 2, 130 as ever.

Examples:
  $ kongtask bench
  $ kongtask bench --jobs 100000 --concurrency 50 --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { terminal, isJson, signal } = context
  const [jobs, concurrency] = [
    wholeNumber(given['jobs'], 'jobs'),
    wholeNumber(given['concurrency'], 'concurrency'),
  ]
  const project = await readGivenProject(given, context)
  await using database = await openAnyDatabase(project, context)
  const result = await runBench({
    connectionString: database.connectionString,
    jobs,
    concurrency,
    signal,
    onProgress: ({ phase, done, total }) => terminal.progress(progressBar(phase, done, total)),
    onLeftBehind: (schema, why) =>
      terminal.tell(
        `The schema ${schema} could not be dropped, and may still be there: ${plainText(why)} Look, and drop it by hand.`,
      ),
  })
  if (isJson) terminal.say(JSON.stringify({ ...result, embedded: database.embedded ?? null }))
  else for (const line of summary(result, database.embedded, terminal)) terminal.say(line)
  return EXIT.done
}

/** That of the project, else one that is gone behind it. */
async function openAnyDatabase(project: Project, context: CommandContext): Promise<OpenDatabase> {
  const { env, signal, terminal } = context
  if (isProjectWithDatabase(project, env)) return openDatabase(project, context)
  terminal.progress('starting a PostgreSQL')
  const postgres = await startPostgres({ signal })
  return {
    connectionString: postgres.connectionString,
    embedded: `PostgreSQL ${postgres.version}, thrown away afterwards`,
    [Symbol.asyncDispose]: () => postgres.stop(),
  }
}

function summary(result: BenchResult, embedded: string | undefined, terminal: Terminal): readonly string[] {
  const { jobs, concurrency, connections, postgres, addsPerSecond, jobsPerSecond, idleLatency, raw } = result
  const rows = [
    ['added', addsPerSecond, raw.insertsPerSecond, shareOf(addsPerSecond, raw.insertsPerSecond)],
    ['worked', jobsPerSecond, raw.deletesPerSecond, shareOf(jobsPerSecond, raw.deletesPerSecond)],
  ]
  return [
    `${embedded ?? `PostgreSQL ${postgres}`}: ${jobs} jobs, ${concurrency} at a time, ${connections} connections`,
    ...tableLines(terminal, ['', 'per second', 'bare rows', 'of that'], rows),
    `An idle worker begins a job after ${idleLatency.p50} ms (p99 ${idleLatency.p99} ms).`,
  ]
}

function shareOf(rate: number, limit: number): string {
  return `${Math.round((rate / Math.max(limit, 1)) * 100)} %`
}
