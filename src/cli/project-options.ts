import type { Command } from 'commander'
import { readProject, type Project } from '../project/read-project.ts'
import type { SettingName } from '../project/settings.ts'
import type { CommandContext, GivenOptions } from './command.ts'

/** The options by which every command that needs a database finds it. */
export function addProjectOptions(command: Command): Command {
  return command
    .option(
      '--config-file <file>',
      'the configuration (default: the nearest kongtask.config.ts, .mts, .js or .mjs)',
    )
    .option(
      '--database-url <url>',
      'the database (default: as configured, DATABASE_URL, or PGHOST and the like)',
    )
    .option('--schema <name>', "of KongTask's tables (default: as configured, or kongtask)")
}

/** Flags that are settings, by the key under which they are given. */
const FLAGS: Readonly<Record<string, { readonly setting: SettingName; readonly flag: string }>> = {
  databaseUrl: { setting: 'connectionString', flag: '--database-url' },
  schema: { setting: 'schema', flag: '--schema' },
  tasks: { setting: 'tasks', flag: '--tasks' },
  crontab: { setting: 'crontabFile', flag: '--crontab' },
  queues: { setting: 'queues', flag: '--queues' },
  concurrency: { setting: 'concurrency', flag: '--concurrency' },
}

/** Those that every such command has. */
const EVERYWHERE = ['databaseUrl', 'schema']

/**
 * What is configured, for this command line. Warnings are told.
 *
 * @param more keys of further flags that are settings here
 * @throws ProblemsError (KT_CONFIG_INVALID)
 */
export async function readGivenProject(
  given: GivenOptions,
  { cwd, env, terminal }: Pick<CommandContext, 'cwd' | 'env' | 'terminal'>,
  more: readonly string[] = [],
): Promise<Project> {
  const flags = new Map<string, { flag: string; text: string }>()
  for (const key of [...EVERYWHERE, ...more]) {
    const [value, known] = [given[key], FLAGS[key]]
    if (typeof value === 'string' && known !== undefined)
      flags.set(known.setting, { flag: known.flag, text: value })
  }
  const { configFile } = given
  const project = await readProject({
    cwd,
    env,
    flags,
    configFile: typeof configFile === 'string' ? configFile : undefined,
  })
  for (const warning of project.warnings) terminal.tell(`Warning: ${warning}`)
  return project
}
