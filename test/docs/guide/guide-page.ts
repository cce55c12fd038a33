import { runTaskListOnce, type TaskList, type TaskListOptions } from 'kongtask'
import { silent } from '../../journeys/journey-logger.ts'
import type { Journey } from '../../journeys/journey.ts'
import { filesOf, writeSnippets } from '../snippets.ts'

export interface GuidePage {
  /** Where the files of the page stand. */
  readonly folder: string
  /**
   * Runs a file of the page in this process, once, and returns what it exports. `T` is what the test takes that for; that the
   * page itself is typed well, pages.test.ts sees.
   */
  readonly load: <T>(file: string) => Promise<T>
}

/** A page of the guide, its snippets written to their files. */
export async function guidePage(name: string): Promise<GuidePage> {
  const folder = await writeSnippets(`guide-${name}`, await filesOf(`docs/guide/${name}.md`))
  return { folder, load: (file) => import(/* @vite-ignore */ `${folder}/${file}`) }
}

/** Runs what is ready, and what that adds, one job at a time. */
export function workOff(
  { database }: Journey,
  tasks: TaskList,
  more: Partial<TaskListOptions> = {},
): Promise<void> {
  return runTaskListOnce(tasks, {
    pool: database.pool,
    logger: silent,
    pollInterval: '1h',
    migrate: false,
    concurrency: 1,
    ...more,
  })
}

/** Runs what scripts ask of their environment. */
export async function withDatabaseUrl<T>(url: string, work: () => Promise<T>): Promise<T> {
  const before = process.env['DATABASE_URL']
  process.env['DATABASE_URL'] = url
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env['DATABASE_URL']
    else process.env['DATABASE_URL'] = before
  }
}
