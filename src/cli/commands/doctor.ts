import { relative } from 'node:path'
import { examine } from '../../doctor/examine.ts'
import { isWell, type Finding } from '../../doctor/finding.ts'
import { shownSetting } from '../../project/shown-setting.ts'
import type { Project } from '../../project/read-project.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openDatabase } from '../open-database.ts'
import { plainText } from '../plain-text.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { tableLines } from '../table.ts'

const SCHEMA = 'kongtask'

export const doctor: Declare = (program, perform) => {
  const command = program
    .command('doctor')
    .description(
      'Looks at this machine, the database and who works on it, and says what is wrong, each with a command that remedies ' +
        'it, or, where a person has to decide, looks closer. Writes nothing. What cannot be looked at is said, and the rest looked at all the same.',
    )
    .option('--config', 'instead, print what is configured, and where; secrets are masked')
  addProjectOptions(command).addHelpText(
    'after',
    `
Where a remedy says $DATABASE_URL it means this database, as a role that may do what it says. Read a
command before you run it: it was made of what was seen at that moment.

Exit codes: 0 all is well, notes aside; 3 there is a warning or an error, or the database does not answer; 1, 2, 130 as ever.

Examples:
  $ kongtask doctor
  $ kongtask doctor --json | jq -r '.findings[] | select(.severity == "error") | .command'
  $ kongtask doctor --config
  $ KONGTASK_CONCURRENCY=4 kongtask doctor --config --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const project = await readGivenProject(given, context)
  if (given['config'] === true) return tellConfig(project, context)
  await using database = await openDatabase(project, context)
  const { schema = SCHEMA, directConnectionString } = project.settings
  const found = await examine({
    connectionString: database.connectionString,
    directConnectionString,
    schema,
    // What is configured, the commands of the remedies find by themselves.
    flags: typeof given['schema'] === 'string' ? ` --schema ${schema}` : '',
    signal: context.signal,
    onCheck: (check) => context.terminal.progress(`looking at: ${check}`),
  })
  return tellFindings(found, context)
}

function tellConfig(
  { configFile, folder, settings, sources, warnings }: Project,
  context: CommandContext,
): ExitCode {
  const { terminal, isJson, cwd } = context
  const values: ReadonlyMap<string, unknown> = new Map(Object.entries(settings))
  const rows = sources
    .map(({ name, source }) => ({ name, value: shownSetting(name, values.get(name)), source }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
  if (isJson) {
    terminal.say(JSON.stringify({ configFile: configFile ?? null, folder, settings: rows, warnings }))
    return EXIT.done
  }
  const file = configFile === undefined ? 'none' : relative(cwd, configFile)
  terminal.say(`Configuration file: ${file}`)
  if (rows.length === 0) terminal.say('Nothing is configured: all is as by default.')
  else
    for (const line of tableLines(
      terminal,
      ['setting', 'value', 'from'],
      rows.map(({ name, value, source }) => [name, value, source]),
    ))
      terminal.say(line)
  return EXIT.done
}

const MARKS = { fine: '✓', note: '·', warning: '!', error: '✗' } as const
const STYLES = { fine: 'green', note: 'dim', warning: 'yellow', error: 'red' } as const

function tellFindings(found: readonly Finding[], { terminal, isJson }: CommandContext): ExitCode {
  const ok = isWell(found)
  if (isJson) terminal.say(JSON.stringify({ ok, findings: found }))
  else
    for (const { severity, check, code, what, remedy, command } of found) {
      const mark = terminal.paint(STYLES[severity], MARKS[severity])
      const name = severity === 'fine' ? '' : terminal.paint('dim', ` (${code})`)
      terminal.say(`${mark} ${check}: ${plainText(what)}${name}`)
      if (remedy !== null) terminal.say(`    ${plainText(remedy)}`)
      if (command !== null) terminal.say(`    $ ${plainText(command)}`)
    }
  return ok ? EXIT.done : EXIT.unwell
}
