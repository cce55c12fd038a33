import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it('docs/testing.md has tests that compile, and pass', async () => {
  const snippets = await snippetsOf('docs/testing.md')
  expect(snippets).toHaveLength(5)
  const folder = await writeSnippets(
    'testing',
    Object.fromEntries(snippets.map((code, n) => [`snippet-${n}.test.ts`, code])),
  )
  await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
  const { stdout } = await execute('npx', ['vitest', 'run', '--project', 'snippets'], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1' },
  })
  expect(stdout).toContain('Tests  7 passed (7)')
}, 120_000)
