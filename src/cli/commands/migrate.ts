import { wholeMigrationPlan } from '../../client/migration-plan.ts'
import { KongTaskError } from '../../core/errors.ts'
import { isProjectWithDatabase } from '../open-database.ts'
import type { Action, CommandContext, Declare, GivenOptions } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { addProjectOptions, readGivenProject } from '../project-options.ts'
import { withClient } from '../with-client.ts'

export const migrate: Declare = (program, perform) => {
  const command = program
    .command('migrate')
    .description(
      "Creates KongTask's tables or brings them up to date; does nothing where they are. Any number of processes may do so at once.",
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option(
      '--sql',
      'print the SQL of what would be done, for psql, and do nothing; all of it where no database is configured',
    )
    .option('--status', 'say which migrations are applied; exit code 3 where one is not')
  addProjectOptions(command).addHelpText(
    'after',
    `
Examples:
  $ kongtask migrate
  $ kongtask migrate --status --json
  $ kongtask migrate --sql | psql "$OWNER_URL" --set ON_ERROR_STOP=1`,
  )
  perform(command, action)
}

type Plan = ReturnType<typeof wholeMigrationPlan>

const action: Action = async (given, context) => {
  const ways = ['dryRun', 'sql', 'status'].filter((way) => given[way] === true)
  if (ways.length > 1)
    throw new KongTaskError('KT_USAGE_INVALID', 'Give one of --dry-run, --sql and --status.')
  const project = await readGivenProject(given, context)
  if (given['sql'] === true && !isProjectWithDatabase(project, context.env)) {
    return tellSql(wholeMigrationPlan(project.settings.schema), context)
  }
  return withClient(project, context, async (kong) => {
    const plan = await kong.migrationPlan()
    if (given['sql'] === true) return tellSql(plan, context)
    const isLook = given['dryRun'] === true || given['status'] === true
    if (!isLook) {
      if (plan.pending.length > 0) context.terminal.progress(`applying ${plan.pending.length} migrations`)
      await kong.migrate()
    }
    return tellPlan(plan, given, context)
  })
}

function tellSql(plan: Plan, { terminal, isJson }: CommandContext): ExitCode {
  if (isJson) terminal.say(JSON.stringify({ schema: plan.schema, pending: plan.pending }))
  else for (const { number, name, sql } of plan.pending) terminal.say(`-- ${number} ${name}\n${sql}`)
  return EXIT.done
}

function tellPlan(
  { schema, applied, pending }: Plan,
  { dryRun, status }: GivenOptions,
  { terminal, isJson }: CommandContext,
): ExitCode {
  const isLook = dryRun === true || status === true
  const exitCode = status === true && pending.length > 0 ? EXIT.unwell : EXIT.done
  const named = pending.map(({ number, name, breaking }) => ({ number, name, breaking }))
  if (isJson) {
    terminal.say(JSON.stringify({ schema, applied: applied.length, pending: named, done: !isLook }))
    return exitCode
  }
  const verb = isLook ? 'pending' : 'applied'
  if (status === true)
    for (const { number, name } of applied) terminal.say(`  ${lineOf(number, name)}  applied`)
  for (const { number, name, breaking } of named) {
    const note = breaking ? ', and older code cannot work with it' : ''
    terminal.say(`  ${lineOf(number, name)}  ${terminal.paint(isLook ? 'yellow' : 'green', verb)}${note}`)
  }
  if (pending.length === 0)
    terminal.say(`The schema "${schema}" is up to date, ${applied.length} migrations.`)
  else if (isLook)
    terminal.say(`The schema "${schema}": ${applied.length} applied, ${pending.length} pending.`)
  else terminal.say(`The schema "${schema}" is up to date: ${pending.length} applied.`)
  return exitCode
}

function lineOf(number: number, name: string): string {
  return `${String(number).padStart(4, '0')} ${name.padEnd(16)}`
}
