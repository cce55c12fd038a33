// What holds for all pages of the guide: they are listed, they are built alike, and their snippets compile.
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { anchorsOf, filesOf, root, writeSnippets } from '../snippets.ts'

const execute = promisify(execFile)
const FOLDER = `${root}docs/guide/`
const pages = readdirSync(FOLDER)
  .filter((file) => file !== 'README.md')
  .toSorted()
const textOf = (page: string): string => readFileSync(FOLDER + page, 'utf8')

describe('docs/guide/', () => {
  it('is listed page by page in its README, numbered in reading order', () => {
    const listed = [...textOf('README.md').matchAll(/^(\d+)\. \[[^\]]+\]\(([\w-]+\.md)\)$/gm)]
    expect(listed.map(([, number]) => Number(number))).toEqual(listed.map((_, n) => n + 1))
    expect(listed.map(([, , page = '']) => page).toSorted()).toEqual(pages)
  })

  it.each(pages)('%s says what the problem is, shows code, and says where to read on', (page) => {
    const text = textOf(page)
    expect(text).toMatch(/^# .+\n\n(?!#|```)./)
    expect(text).toMatch(/^```ts$/m)
    expect(text).toMatch(/^## Read on$/m)
    // Of which the pitfalls speak throughout.
    expect(page === 'pitfalls.md' || text.includes('\n## What goes wrong otherwise\n')).toBe(true)
    expect(text.split('\n').length, 'short').toBeLessThan(150)
  })

  it('says what has to be installed, and that is what its snippets import', () => {
    const imported = pages
      .flatMap((page) => [...textOf(page).matchAll(/ from '([^.'][^']*)'/g)])
      .map(([, from = '']) => from.split('/')[0] ?? '')
      .filter((name) => !name.startsWith('node:'))
    const [, named = ''] = /^npm install ((?!-).+)$/m.exec(textOf('README.md')) ?? []
    const [, forTests = ''] = /^npm install --save-dev (.+)$/m.exec(textOf('README.md')) ?? []
    const isForTests = (name: string): boolean => forTests.split(' ').includes(name)
    expect([...new Set(imported)].filter((name) => !isForTests(name)).toSorted()).toEqual(
      named.split(' ').toSorted(),
    )
  })

  it('links to headings that are there', () => {
    for (const page of ['README.md', ...pages]) {
      for (const [, to = '', anchor = ''] of textOf(page).matchAll(/\]\(([^)#\s]+\.md)#([^)\s]+)\)/g)) {
        expect(anchorsOf(readFileSync(`${FOLDER}${to}`, 'utf8')), `${page} → ${to}#${anchor}`).toContain(
          anchor,
        )
      }
    }
  })

  it('has snippets that compile', async () => {
    await rm(`${root}.kongtask/docs/guide`, { recursive: true, force: true })
    const files = await Promise.all(
      pages.map(async (page) =>
        Object.entries(await filesOf(`docs/guide/${page}`)).map(([file, code]): [string, string] => [
          `${page.replace('.md', '')}/${file}`,
          code,
        ]),
      ),
    )
    const folder = await writeSnippets('guide', Object.fromEntries(files.flat()))
    // What the compiler has to say stands in `stdout` of the error.
    const said: unknown = await execute('npx', ['tsc', '-p', folder], { cwd: root }).then(
      () => '',
      (error: unknown) => (error instanceof Error && 'stdout' in error ? error.stdout : error),
    )
    expect(said).toBe('')
  })
})
