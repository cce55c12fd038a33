import { readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { writeSnippets } from './snippets.ts'

it('what a page had before is not among its files', async () => {
  await writeSnippets('snippets', { 'old.ts': '', 'deeper/old.ts': '' })
  const folder = await writeSnippets('snippets', { 'new.ts': '' })
  expect((await readdir(folder)).toSorted()).toEqual(['new.ts', 'tsconfig.json'])
})
