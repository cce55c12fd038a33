import { KongTask, runTaskListOnce, type JobContext } from 'kongtask'
import { expect, it } from 'vitest'
import { loadFixture } from '../import/fixture.ts'
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
  await kong.schedules.create('@daily', 'hurt', { text: 'a\u009b2J' }, { name: 'tide' })
  await kong.schedules.pause('tide', { by: `Eve ${CLEAR}` })
  for (const [args, shown] of [
    [['jobs', 'list'], String.raw`failed \u001b[2J`],
    [['jobs', 'show', id], String.raw`failed \u001b[2J`],
    [['jobs', 'show', id], String.raw`{"text":"a\u009b2J"}`],
    [['jobs', 'explain', id], String.raw`failed \u001b[2J`],
    [['dead', 'list', '--groups'], String.raw`\u001b[<n>J`],
    [['schedules', 'show', 'tide'], String.raw`{"text":"a\u009b2J"}`],
    [['schedules', 'changes'], String.raw`Eve \u001b[2J`],
    [['logs', id], String.raw`logged \u001b[2J`],
    [['logs', id], String.raw`{"why":"\u009b2J"}`],
  ] as const) {
    const { stdout } = await perform([...args, '--database-url', database.connectionString], true)
    expect(stdout).toContain(shown)
    expect(stdout).not.toContain(CLEAR)
    expect(stdout).not.toContain('\u009b')
  }
})

it('does the same with words of another system, which it shows on a line', async () => {
  await using database = await createTestDatabase()
  await loadFixture('graphile-worker', database.connectionString)
  await database.pool.query(String.raw`
    insert into graphile_worker._private_tasks (identifier) values (E'task \x1b[2J\nforged');
    insert into graphile_worker._private_jobs (task_id, payload, key)
    select id, '{}', E'key \x1b[2J' from graphile_worker._private_tasks where identifier like 'task%';
    insert into graphile_worker._private_known_crontabs (identifier, known_since) values (E'tab \u009b2J', now())`)
  const args = ['import', 'graphile-worker', '--dry-run', '--database-url', database.connectionString]
  for (const more of [[], ['--verbose']]) {
    const { stdout } = await perform([...args, ...more], true)
    expect(stdout).toContain(String.raw`task \u001b[2J\nforged: KT_NAME_INVALID`)
    expect(stdout).toContain(String.raw`tab \u009b2J`)
    expect(stdout).not.toMatch(/^forged/m)
    expect(stdout).not.toContain(CLEAR)
    expect(stdout).not.toContain('\u009b')
  }
  const { stdout } = await perform([...args, '--verbose'], true)
  expect(stdout).toMatch(/^task \\u001b\[2J\\nforged \d+ left: KT_NAME_INVALID/m)
})

it('exports payloads as they are, but to a terminal', async () => {
  await using database = await createTestDatabase()
  const payload = { text: 'a\u009b2J' }
  await new KongTask({ pool: database.pool }).addJob('a', payload)
  const args = ['export', '--database-url', database.connectionString]
  for (const isTTY of [true, false]) {
    const { stdout } = await perform(args, isTTY)
    expect(JSON.parse(stdout)).toMatchObject({ payload })
    expect(stdout.includes('\u009b')).toBe(!isTTY)
  }
})
