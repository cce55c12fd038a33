import { KongTask } from '../client/client.ts'
import type { Project } from '../project/read-project.ts'
import type { CommandContext } from './command.ts'
import { openDatabase } from './open-database.ts'

/** Runs `work` with a client of the project's database, and closes both behind it. */
export async function withClient<T>(
  project: Project,
  context: Pick<CommandContext, 'env' | 'signal' | 'terminal'>,
  work: (kong: KongTask) => Promise<T>,
): Promise<T> {
  const { schema, encryption } = project.settings
  await using database = await openDatabase(project, context)
  const { connectionString } = database
  await using kong = new KongTask({ connectionString, schema, encryption })
  return await work(kong)
}
