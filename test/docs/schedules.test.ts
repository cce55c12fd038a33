import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('the snippets of docs/schedules.md compile, run one after the other, and say what the page says', async () => {
  const snippets = await snippetsOf('docs/schedules.md')
  expect(snippets).toHaveLength(6)
  const code = `${snippets.join('\n')}export {}\n`
  const folder = await writeSnippets('schedules', { 'schedules.ts': code })
  await execute('npx', ['tsc', '-p', folder], { cwd: root })
  await using database = await createTestDatabase()
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/schedules.ts`], {
    cwd: root,
    env: {
      ...process.env,
      DATABASE_URL: database.connectionString,
      TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
    },
  })
  const lines = stdout.split('\n')
  const said = [
    ...[...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text),
    ...[...code.matchAll(/^ +\/\/ (\d+:\d+ .*)$/gm)].map(([, text]) => text),
  ]
  expect(said).toHaveLength(6)
  for (const text of said) expect(lines).toContain(text)
})
