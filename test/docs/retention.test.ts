import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('the snippets of docs/retention.md compile, run, and say what the page says', async () => {
  const [code = '', ...rest] = await snippetsOf('docs/retention.md')
  expect(rest).toEqual([])
  const folder = await writeSnippets('retention', { 'retention.ts': `${code}export {}\n` })
  await execute('npx', ['tsc', '-p', folder], { cwd: root })
  await using database = await createTestDatabase()
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/retention.ts`], {
    cwd: root,
    env: {
      ...process.env,
      DATABASE_URL: database.connectionString,
      TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
    },
  })
  const lines = stdout.split('\n')
  expect(lines).toContainEqual(expect.stringMatching(/dead/i))
  expect(lines).toContain('dead')
  expect(lines).toContain('0')

  const [sql = ''] = await snippetsOf('docs/retention.md', 'sql')
  await database.pool.query(sql)
  const { rows } = await database.pool.query(
    `select j.retain_s, j.extras from kongtask.jobs j where j.payload ->> 'file' = '7'
      union all
     select d.retain_s, d.extras from kongtask.dead_letters d where d.expires_at > now() + interval '89 days'`,
  )
  // Finished jobs as the task has it; dead letters and lines as the calls say.
  const retain = { dead: 7_776_000_000, logs: false }
  expect(rows).toEqual([
    { retain_s: 3_600, extras: { retain } },
    { retain_s: 3_600, extras: { retain } },
  ])
})
