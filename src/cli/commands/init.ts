import { relative, resolve } from 'node:path'
import { KongTaskError } from '../../core/errors.ts'
import type { Action, CommandContext, Declare } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { installPackages, packageManagerOf } from '../install-packages.ts'
import { planProject, writeProject } from '../new-project.ts'

export const init: Declare = (program, perform) => {
  const command = program
    .command('init')
    .argument('[folder]', 'where (default: here)')
    .description(
      'Writes kongtask.config.ts, a first task (both .mts where package.json does not say "type": "module"), a crontab with ' +
        'examples and what else a project needs, merges into an existing package.json, and installs. ' +
        'Nothing is overwritten: where a file would be, nothing is written at all.',
    )
    .option('--no-install', 'do not install the packages')
    .option('--from <spec>', 'the kongtask to install: a version, a tag, a tarball (default: this version)')
  command.addHelpText(
    'after',
    `
It installs with npm, pnpm, yarn or bun: whose lock file is there, or who started it.

Examples:
  $ npx kongtask init
  $ npx kongtask init my-jobs --no-install`,
  )
  perform(command, action)
}

const action: Action = async (given, context) => {
  const { terminal, isJson, cwd, args, env, signal } = context
  const folder = resolve(cwd, args[0] ?? '.')
  const manager = packageManagerOf(folder, env)
  const plan = await planProject(folder, typeof given['from'] === 'string' ? given['from'] : undefined)
  await writeProject(plan)
  if (!isJson) {
    for (const { name, change } of plan.files)
      if (change !== 'kept') terminal.say(`  ${terminal.paint('green', change.padEnd(7))} ${name}`)
      else terminal.say(`  ${terminal.paint('dim', change.padEnd(7))} ${name}`)
  }
  const isInstalled = given['install'] !== false
  if (isInstalled) {
    terminal.progress(`${manager} install`)
    const problem = await installPackages(manager, folder, signal)
    if (signal.aborted) terminal.tell(`The files are written; run \`${manager} install\`.`)
    signal.throwIfAborted()
    if (problem !== undefined)
      throw new KongTaskError(
        'KT_INSTALL_FAILED',
        `${manager} install failed. The files are written.\n${problem}`,
      )
  }
  const steps = nextSteps(folder, manager, isInstalled, context)
  if (isJson) {
    const files = plan.files.map(({ name, change }) => ({ name, change }))
    terminal.say(JSON.stringify({ folder, files, installed: isInstalled, next: steps }))
  } else {
    terminal.say()
    terminal.say('Next:')
    for (const step of steps) terminal.say(`  ${terminal.paint('bold', step)}`)
    terminal.say()
    terminal.say(`dev runs jobs, with a PostgreSQL of its own; add, in another terminal, gives it one.`)
  }
  return EXIT.done
}

function nextSteps(folder: string, manager: string, isInstalled: boolean, { cwd }: CommandContext): string[] {
  const way = relative(cwd, folder)
  return [
    ...(way === '' ? [] : [`cd ${way}`]),
    ...(isInstalled ? [] : [`${manager} install`]),
    'npx kongtask dev',
    `npx kongtask add hello --payload '{"name":"Ada"}' --wait`,
  ]
}
