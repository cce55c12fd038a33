import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it.each(['outcomes', 'working'])('docs/%s.md has snippets that compile', async (page) => {
  const snippets = await snippetsOf(`docs/${page}.md`)
  expect(snippets).not.toEqual([])
  const folder = await writeSnippets(
    page,
    Object.fromEntries(snippets.map((code, n) => [`snippet-${n}.ts`, code])),
  )
  await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
})
