import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { KongTask } from 'kongtask'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

describe('docs/payloads.md', () => {
  let folder: string

  beforeAll(async () => {
    const snippets = await snippetsOf('docs/payloads.md')
    folder = await writeSnippets('payloads', {
      'payloads.ts': `${snippets.join('\n')}\nawait kong.close()\nawait sealing.close()\n`,
    })
  })

  it('has snippets that compile', async () => {
    await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
  })

  it('has snippets that do what it says', async () => {
    await using database = await createTestDatabase()
    await using kong = new KongTask({ pool: database.pool })
    const [add = '', count = ''] = await snippetsOf('docs/payloads.md', 'sql')
    await database.pool.query(add)
    const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
    await using before = new KongTask({
      pool: database.pool,
      encryption: { keys: { '2026-01': oldKey }, current: '2026-01' },
    })
    await before.schedules.create('@yearly', 'welcome', { email: 'di@example.org' })
    // One that is brought up, one that cannot be, one of newer code, one of another task.
    const [, bad] = await kong.addJobs([
      { task: 'welcome', payload: { email: 'bo@example.org' } },
      { task: 'welcome', payload: { mail: 'cy@example.org' } },
      { task: 'welcome', payload: {}, version: 3 },
      { task: 'other' },
    ])
    const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/payloads.ts`], {
      cwd: root,
      env: {
        ...process.env,
        DATABASE_URL: database.connectionString,
        TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
        KEY_2026_01: oldKey,
        KEY_2026_11: newKey,
      },
    })
    expect(stdout).toMatch(/^5 jobs, not fine$/m)
    expect(stdout).toMatch(/^other 1 0 0 0$/m)
    expect(stdout).toMatch(/^welcome 4 1 1 1$/m)
    expect(stdout).toMatch(
      new RegExp(`^${bad?.id} welcome 1 KT_PAYLOAD_UPCAST The payload of version 1`, 'm'),
    )
    expect(stdout).toMatch(/^greeted 3 letters$/m)
    expect(stdout).toContain(`false { to: { email: 'ada@example.org', name: 'Ada' } }`)
    expect(stdout).toContain(`true 2026-11 { 'kongtask:sealed': '2026-11' }`)
    const { rows } = await database.pool.query(count)
    expect(stdout).toMatch(/^1 encrypted anew, 0 with a key that is not here$/m)
    // A job that is over, and the schedule.
    expect(rows.filter(({ key }) => key !== null)).toEqual([
      { key: '2026-11', count: '1' },
      { key: '2026-11', count: '1' },
    ])
  })
})
