// docs/seeds.md: what each row names is there.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { anchorsOf, root } from './snippets.ts'

interface Row {
  readonly seed: string
  readonly page: string
  readonly anchor: string | undefined
  readonly sources: readonly { readonly file: string; readonly symbol: string }[]
  readonly test: { readonly file: string; readonly title: string }
}

const text = readFileSync(`${root}docs/seeds.md`, 'utf8')
const lines = text.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:there|-+) /.test(line))
const rows = lines.map(readRow)

describe('docs/seeds.md', () => {
  it('has a row for each example, option and promise, each read whole', () => {
    expect(rows.length).toBeGreaterThan(50)
    const seeds = rows.map(({ seed }) => seed)
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it.each(rows)('$seed', (row) => expect(flawsOf(row)).toEqual([]))

  it('leads to every page of the guide', () => {
    const pages = readdirSync(`${root}docs/guide`).filter((page) => page !== 'README.md')
    const named = new Set(rows.map(({ page }) => page))
    expect(pages.filter((page) => !named.has(`guide/${page}`))).toEqual([])
  })

  it('would notice a page, a heading, a symbol or a test that is gone', () => {
    const [row] = rows
    if (row === undefined) throw new Error('there is no row')
    const { sources, test } = row
    const gone: readonly Row[] = [
      { ...row, page: 'guide/gone.md' },
      { ...row, anchor: 'gone' },
      { ...row, sources: [...sources, { file: 'src/gone.ts', symbol: 'handle' }] },
      { ...row, sources: [...sources, { file: 'src/core/handler.ts', symbol: 'payloads' }] },
      { ...row, test: { ...test, file: 'test/gone.test.ts' } },
      { ...row, test: { ...test, title: test.title.slice(1) } },
    ]
    for (const each of gone) expect(flawsOf(each)).toHaveLength(1)
  })
})

function readRow(line: string): Row {
  const [seed = '', page = '', source = '', test = '', ...more] = line.split(' | ').map((cell) => cell.trim())
  const [, to = '', anchor] = /^\[[^\]]+\]\(([^)#]+)(?:#([^)]+))?\)$/.exec(page) ?? []
  const sources = [...source.matchAll(/`([^`]+)` `([^`]+)`/g)].map(([, file = '', symbol = '']) => ({
    file,
    symbol,
  }))
  const [, file = '', title = ''] = /^`([^`]+)`: (.+?) *\|$/.exec(test) ?? []
  if (more.length > 0 || to === '' || sources.length === 0 || title === '') {
    throw new Error(`docs/seeds.md: a row of four cells, page, source and test as in the others: ${line}`)
  }
  return { seed: seed.replace(/^\| /, ''), page: to, anchor, sources, test: { file, title } }
}

/** What of a row is not there, in words. */
function flawsOf({ page, anchor, sources, test }: Row): string[] {
  return [
    ...flawOf(`docs/${page}`, `the heading ${anchor}`, (found) =>
      anchor === undefined ? true : anchorsOf(found).includes(anchor),
    ),
    ...sources.flatMap(({ file, symbol }) =>
      flawOf(file, `the symbol ${symbol}`, (found) => declares(found, symbol)),
    ),
    ...flawOf(test.file, `the test "${test.title}"`, (found) =>
      ["'", '"', '`'].some((quote) => found.includes(`(${quote}${test.title}${quote}`)),
    ),
  ]
}

function flawOf(file: string, what: string, isThere: (found: string) => boolean): string[] {
  if (!existsSync(root + file)) return [`${file} is gone`]
  return isThere(readFileSync(root + file, 'utf8')) ? [] : [`${file}: ${what} is gone`]
}

/** As a function, class, type or value, or as a member of one. */
function declares(code: string, symbol: string): boolean {
  return new RegExp(
    `\\b(?:function|class|const|interface|type|readonly|get) ${symbol}\\b|^ +${symbol}(?:\\?|<|\\(|:)`,
    'm',
  ).test(code)
}
