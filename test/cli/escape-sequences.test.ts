import { KongTask, runTaskListOnce, type JobContext } from 'kongtask'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { perform } from './streams.ts'

const CLEAR = '\u001b[2J'

it('shows the control characters of what handlers said, and does not send them to the terminal', async () => {
  await using database = await createTestDatabase()
  const kong = new KongTask({ pool: database.pool })
  const { id } = await kong.addJob('hurt', { text: `a\u009b2J` }, { maxAttempts: 1 })
  const hurt = (_payload: unknown, { logger }: JobContext): void => {
    logger.warn(`logged ${CLEAR}`, { why: '\u009b2J' })
    throw new Error(`failed ${CLEAR}`)
  }
  await runTaskListOnce({ hurt }, { pool: database.pool })
  for (const [args, shown] of [
    [['jobs', 'list'], String.raw`failed \u001b[2J`],
    [['jobs', 'show', id], String.raw`failed \u001b[2J`],
    [['jobs', 'show', id], String.raw`{"text":"a\u009b2J"}`],
    [['jobs', 'explain', id], String.raw`failed \u001b[2J`],
    [['dead', 'list', '--groups'], String.raw`\u001b[<n>J`],
    [['logs', id], String.raw`logged \u001b[2J`],
    [['logs', id], String.raw`{"why":"\u009b2J"}`],
  ] as const) {
    const { stdout } = await perform([...args, '--database-url', database.connectionString], true)
    expect(stdout).toContain(shown)
    expect(stdout).not.toContain(CLEAR)
    expect(stdout).not.toContain('\u009b')
  }
})
