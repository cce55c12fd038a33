import { readdirSync, readFileSync } from 'node:fs'
import { runTaskListOnce, type Job } from 'kongtask'
import type { Pool } from 'pg'
import { root } from '../docs/snippets.ts'
import { withClient } from '../support/run-databases.ts'

/** Tables with jobs as another system made them (scripts/write-import-fixtures.ts), in a database of the test's. */
export async function loadFixture(system: string, connectionString: string): Promise<void> {
  const folder = `${root}test/fixtures/`
  const [file] = readdirSync(folder).filter((name) => name.startsWith(`${system}-`))
  if (file === undefined) throw new Error(`There is no fixture of ${system}.`)
  // On a connection of its own: a dump changes the session's settings.
  await withClient(connectionString, (client) => client.query(readFileSync(folder + file, 'utf8')))
}

/** Performs all that is ready, whatever its task; the payloads as they came, as `task payload`. */
export async function performAll(pool: Pool, tasks: readonly string[]): Promise<string[]> {
  const performed: string[] = []
  const note =
    (task: string) =>
    (payload: unknown): void => {
      performed.push(`${task} ${JSON.stringify(payload)}`)
    }
  await runTaskListOnce(Object.fromEntries(tasks.map((task) => [task, note(task)])), { pool, concurrency: 1 })
  return performed
}

/** What tests compare of a job. */
export function facts({ task, queue, payload, state, attempt, maxAttempts, priority }: Job): object {
  return { task, queue, payload, state, attempt, maxAttempts, priority }
}
