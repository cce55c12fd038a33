import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { catalogue } from './error-catalogue.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

function described(markdown: string): Record<string, { what: string; remedy: string }> {
  const sections = markdown.split(/^## /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => {
      const [code = '', ...paragraphs] = section.split('\n').filter((line) => line !== '')
      const [what = '', remedy = ''] = paragraphs
      return [code, { what, remedy: remedy.replace('What to do: ', '') }]
    }),
  )
}

it('docs/errors.md says of each code what the catalogue says, in its order', () => {
  expect(described(page)).toEqual(catalogue)
  expect(Object.keys(described(page))).toEqual(Object.keys(catalogue))
})

it('each cause and remedy is a sentence on one line', () => {
  for (const { what, remedy } of Object.values(catalogue)) {
    expect(what).toMatch(/^[^\n]+\.$/)
    expect(remedy).toMatch(/^[^\n]+\.$/)
  }
})
