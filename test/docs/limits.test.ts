import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('the snippets of docs/limits.md compile, run one after the other, and say what the page says', async () => {
  const snippets = await snippetsOf('docs/limits.md')
  expect(snippets).toHaveLength(3)
  // Each stands in a block of its own, but for the first, which opens the client.
  const [first = '', ...rest] = snippets
  const code = `${first}${rest.map((snippet) => `{\n${snippet}}\n`).join('')}export {}\n`
  const folder = await writeSnippets('limits', { 'limits.ts': code })
  await execute('npx', ['tsc', '-p', folder], { cwd: root })
  await using database = await createTestDatabase()
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/limits.ts`], {
    cwd: root,
    env: {
      ...process.env,
      DATABASE_URL: database.connectionString,
      TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
    },
  })
  const said = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)
  expect(said).toHaveLength(5)
  // What stands for the time of the next start is another each time.
  const lines = stdout.split('\n').map((line) => line.replace(/ the next one at .*$/, ' the next one at …'))
  for (const text of said) expect(lines).toContain(text)

  const [sql = ''] = await snippetsOf('docs/limits.md', 'sql')
  await database.pool.query(sql)
  const { rows } = await database.pool.query(
    `select q.concurrency, q.rate, j.limits
       from kongtask.jobs j join kongtask.queues q on q.id = j.queue_id
      where j.payload ->> 'contact' = '8'`,
  )
  expect(rows).toEqual([
    {
      concurrency: 20,
      rate: { limit: 300, per: 60_000, burst: 1 },
      limits: [
        { gate: 'concurrency:key:acme', limit: 2 },
        { gate: expect.stringMatching(/^rate:task:\d+$/), limit: 100, per: 60_000, burst: 1 },
      ],
    },
  ])
})
