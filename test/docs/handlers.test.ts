import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('docs/handlers.md has snippets that compile', async () => {
  const snippets = await snippetsOf('docs/handlers.md')
  expect(snippets).toHaveLength(5)
  const folder = await writeSnippets(
    'handlers',
    Object.fromEntries(snippets.map((code, n) => [`snippet-${n}.ts`, code])),
  )
  await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
})
