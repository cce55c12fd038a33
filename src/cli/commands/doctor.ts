import { relative } from 'node:path'
import { findings, type Finding } from '../findings.ts'
import { shownSetting } from '../../project/shown-setting.ts'
import type { Project } from '../../project/read-project.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { tableLines } from '../table.ts'
import { withClient } from '../with-client.ts'

export const doctor: Declare = (program, perform) => {
  const command = program
    .command('doctor')
    .summary('what is wrong, and what to do about it')
    .description(
      'Looks at the database and at who works, and says what is wrong, each with its remedy. Changes nothing.',
    )
    .option('--config', 'instead, print what is configured, and where; secrets are masked')
  addProjectOptions(command).addHelpText(
    'after',
    `
Exit codes: 0 all is well; 3 something is not; 1, 2 as ever.

Examples:
  $ kongtask doctor
  $ kongtask doctor --config
  $ KONGTASK_CONCURRENCY=4 kongtask doctor --config --json`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const project = await readGivenProject(given, context)
  if (given['config'] === true) return tellConfig(project, context)
  const found = await withClient(project, context, findings)
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

function tellFindings(found: readonly Finding[], { terminal, isJson }: CommandContext): ExitCode {
  const isWell = found.every(({ ok }) => ok)
  if (isJson) terminal.say(JSON.stringify({ ok: isWell, findings: found }))
  else
    for (const { ok, check, what, remedy } of found) {
      const mark = ok ? terminal.paint('green', '✓') : terminal.paint('red', '✗')
      terminal.say(`${mark} ${check}: ${what}`)
      if (remedy !== null) terminal.say(`  What to do: ${remedy}`)
    }
  return isWell ? EXIT.done : EXIT.unwell
}
