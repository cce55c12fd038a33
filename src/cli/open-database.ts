// One way to find the database for every command: what is configured, else the one that `kongtask dev` keeps for the project.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { startPostgres } from '../embedded/embedded.ts'
import type { Project } from '../project/read-project.ts'
import type { CommandContext } from './command.ts'

export interface OpenDatabase extends AsyncDisposable {
  readonly connectionString: string
  /** What it is, where it is one of our own: `PostgreSQL 18.4 in .kongtask/postgres`. */
  readonly embedded: string | undefined
}

/** Below the folder of the project. */
const EMBEDDED_FOLDER = join('.kongtask', 'postgres')

/** Whether there is a database to open without making one. */
export function isProjectWithDatabase({ folder, settings }: Project, env: CommandContext['env']): boolean {
  if (settings.connectionString !== undefined) return true
  return existsSync(join(folder, EMBEDDED_FOLDER)) && env['NODE_ENV'] !== 'production'
}

/**
 * The database of a project. One of the project's own is started, or joined where another command has it; `dev` alone makes
 * one, and in production none is used.
 *
 * @throws KT_CONNECTION_MISSING, and what `startPostgres` throws
 */
export async function openDatabase(
  project: Project,
  { env, signal, terminal }: Pick<CommandContext, 'env' | 'signal' | 'terminal'>,
  { mayMake = false } = {},
): Promise<OpenDatabase> {
  const { folder, settings } = project
  const { connectionString } = settings
  if (connectionString !== undefined) {
    return { connectionString, embedded: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const dataDir = join(folder, EMBEDDED_FOLDER)
  const isHere = isProjectWithDatabase(project, env)
  if (!isHere && !mayMake) {
    throw new KongTaskError(
      'KT_CONNECTION_MISSING',
      'No database is configured, and nothing says which it is.',
    )
  }
  terminal.progress(
    isHere ? 'starting PostgreSQL' : 'making a PostgreSQL of its own, which takes a few seconds',
  )
  const postgres = await startPostgres({ dataDir, signal })
  return {
    connectionString: postgres.connectionString,
    embedded: `PostgreSQL ${postgres.version} in ${EMBEDDED_FOLDER}`,
    [Symbol.asyncDispose]: () => postgres.stop(),
  }
}
