import type { Command } from 'commander'
import {
  importFile,
  importFrom,
  type ImportReport,
  type JobNote,
  type SourceName,
} from '../../import/import.ts'
import type { Action, CommandContext, Declare, GivenOptions } from '../command.ts'
import { commandGroup } from '../command-group.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { importLines, noteLine } from '../import-lines.ts'
import { openDatabase } from '../open-database.ts'
import { progressBar } from '../progress-bar.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'

export const imports: Declare = (program, perform) => {
  const group = commandGroup(program, 'import', {
    description:
      'Moves jobs that wait, and schedules, from another job system; or adds the jobs of a file that kongtask export wrote.',
    examples: [
      'import graphile-worker --dry-run',
      'import pg-boss --from "$OLD_URL"',
      'import json jobs.ndjson',
    ],
  })
  for (const source of Object.values(SYSTEMS)) perform(declareSystem(group, source), move(source.name))
  perform(declareFile(group), add)
}

interface System {
  readonly name: SourceName
  readonly about: string
  readonly schema: string
  readonly task: string
  readonly queue: string
}

const SYSTEMS: Readonly<Record<SourceName, System>> = {
  'graphile-worker': {
    name: 'graphile-worker',
    about:
      'graphile-worker 0.18: a task identifier is a task, a queue name a serial key, a job key a unique key.',
    schema: 'graphile_worker',
    task: 'send_email=mail/send',
    queue: 'user-17=users',
  },
  'pg-boss': {
    name: 'pg-boss',
    about: 'pg-boss 12.35: a queue is a task. What its policy does, a serial key or a unique key does here.',
    schema: 'pgboss',
    task: 'send-email=send_email',
    queue: 'send-email=mail',
  },
  bullmq: {
    name: 'bullmq',
    about:
      "BullMQ 6.7 on PostgreSQL: a queue is a queue, a job's name a task. For BullMQ on Redis see docs/coming-from/bullmq.md.",
    schema: 'bullmq',
    task: 'mail/welcome=send_welcome',
    queue: 'mail=email',
  },
}

const HOW = `
A job moves in one transaction: it is taken there where it is added here, so that it is neither lost nor run twice, whoever is
killed when. With --from, in two, and what was brought is remembered. What is being run is not touched. Ctrl-C stops it between
two batches; what has moved stays moved, and importing again goes on.

Exit codes: 0 done; 3 something was left, and it says what and why; 1, 2, 130 as ever.`

function declareSystem(group: Command, { name, about, schema, task, queue }: System): Command {
  const command = group
    .command(name)
    .summary(`move jobs and schedules from ${name === 'bullmq' ? 'BullMQ on PostgreSQL' : name}`)
    .description(`Moves jobs that wait, and schedules, from ${about}`)
    .option('--from <url>', 'its database (default: the same as ours, which is best)')
    .option('--from-schema <name>', `the schema of its tables (default: ${schema})`)
  return addProjectOptions(addMappingFlags(command, { task, queue })).addHelpText(
    'after',
    `${HOW}

Examples:
  $ kongtask import ${name} --dry-run
  $ kongtask import ${name} --task ${task}
  $ kongtask import ${name} --from "$OLD_URL" --json`,
  )
}

function declareFile(group: Command): Command {
  const command = group
    .command('json')
    .argument('<file>', 'lines of JSON, a job each, as kongtask export writes them')
    .summary('add the jobs of a file that kongtask export wrote')
    .description(
      'Adds the jobs of a file, those that wait. Every line is checked before anything is written. A job that has an id comes once, however often the file is imported.',
    )
    .option('--redrive', 'dead letters too: they run again, with all their attempts')
  const flags = { task: 'send_email=mail/send', queue: 'mail=email' }
  return addProjectOptions(addMappingFlags(command, flags)).addHelpText(
    'after',
    `
Exit codes: 0 done; 3 something was left, and it says what and why; 2 a line is wrong, and nothing was written; 1, 130 as ever.

Examples:
  $ kongtask import json jobs.ndjson --dry-run
  $ kongtask import json dead.ndjson --redrive`,
  )
}

function addMappingFlags(command: Command, { task, queue }: { task: string; queue: string }): Command {
  return command
    .option('--task <old=new>', `another name for a task: ${task}; several times`, collect)
    .option('--queue <old=new>', `where what is in a queue goes: ${queue}; several times`, collect)
    .option('--dry-run', 'say what would be moved and what not, and move nothing')
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function move(source: SourceName): Action {
  return (given, context) =>
    performed(given, context, (common) =>
      importFrom({
        ...common,
        source,
        sourceSchema: textOf(given['fromSchema']),
        from: textOf(given['from']),
      }),
    )
}

const add: Action = (given, context) =>
  performed(given, context, (common) =>
    importFile({ ...common, file: context.args[0] ?? '', redrive: given['redrive'] === true }),
  )

type Common = Omit<Parameters<typeof importFile>[0], 'file' | 'redrive'>

async function performed(
  given: GivenOptions,
  context: CommandContext,
  bring: (common: Common) => Promise<ImportReport>,
): Promise<ExitCode> {
  const { terminal, signal, isJson, isVerbose } = context
  const project = await readGivenProject(given, context)
  const { schema, encryption } = project.settings
  await using database = await openDatabase(project, context)
  const onNote = (note: JobNote): void => {
    if (isJson) terminal.say(JSON.stringify(note))
    else if (isVerbose) terminal.say(noteLine(note))
  }
  const report = await bring({
    connectionString: database.connectionString,
    schema,
    encryption,
    tasks: listOf(given['task']),
    queues: listOf(given['queue']),
    dryRun: given['dryRun'] === true,
    signal,
    onNote,
    onProgress: (done, total) => terminal.progress(progressBar('importing', done, Math.max(done, total))),
  })
  if (isJson) terminal.say(JSON.stringify(report))
  else for (const line of importLines(report, terminal)) terminal.say(line)
  const isWhole = report.left === 0 && report.schedules.every(({ outcome }) => outcome !== 'left')
  return isWhole ? EXIT.done : EXIT.unwell
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
