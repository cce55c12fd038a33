import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('the snippets of docs/controlling.md compile, run one after the other, and say what the page says', async () => {
  const snippets = await snippetsOf('docs/controlling.md')
  expect(snippets).toHaveLength(6)
  // Each stands in a block of its own, but for the first, which opens the client.
  const [first = '', ...rest] = snippets
  const code = `${first}${rest.map((snippet) => `{\n${snippet}}\n`).join('')}export {}\n`
  const folder = await writeSnippets('controlling', { 'controlling.ts': code })
  await execute('npx', ['tsc', '-p', folder], { cwd: root })
  await using database = await createTestDatabase()
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/controlling.ts`], {
    cwd: root,
    env: {
      ...process.env,
      DATABASE_URL: database.connectionString,
      TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
    },
  })
  const lines = stdout.split('\n')
  const said = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
  expect(said).toEqual(['10 undefined', 'ready no_worker', 'Job 1 waits: no worker is live.', '0'])
  for (const text of said) expect(lines).toContain(text)
})

it('the page names every cause that there is', async () => {
  const source = await readFile(`${root}src/core/explanation.ts`, 'utf8')
  const causes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, cause]) => cause)
  expect(causes.length).toBeGreaterThan(15)
  const page = await readFile(`${root}docs/controlling.md`, 'utf8')
  for (const cause of causes) expect(page).toContain(`\`${cause}\``)
})
