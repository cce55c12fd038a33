// Every fence of scripts/fences/ is still where it is said to be, and so is the test that holds it. That the test fails without
// the fence is for `npm run fences` to see: it takes minutes.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { patternOf, without } from '../scripts/fences/fence.ts'
import { fences } from '../scripts/fences/fences.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (file: string): string => readFileSync(root + file, 'utf8')

describe('the fences', () => {
  it('have names of their own', () => {
    const names = fences.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })

  it.each(fences)('stand in the code: $name', ({ cuts }) => {
    const sources = new Map(cuts.map(({ file }) => [file, read(file)]))
    for (const cut of cuts) {
      const source = sources.get(cut.file) ?? ''
      const rest = without(source, cut)
      expect(rest).not.toBe(source)
      sources.set(cut.file, rest)
    }
  })

  it.each(fences)('are held by a test that there is: $name', ({ test: { file, name } }) => {
    expect(existsSync(root + file), file).toBe(true)
    const titles = [`'${name}'`, `"${name}"`, `\`${name}\``]
    expect(
      titles.some((title) => read(file).includes(title)),
      `${file} has a test '${name}'`,
    ).toBe(true)
  })

  it('are named to vitest by what placeholders leave of the name', () => {
    const named = (name: string): string => patternOf({ file: '', name })
    expect(named('refuses (a lease): %s')).toBe(String.raw`refuses \(a lease\):`)
    expect(named('stands at $place of it')).toBe('stands at')
  })

  it('are missed loudly where they are not there, or twice', () => {
    const cut = { file: 'a.sql', text: 'for update', instead: '' }
    expect(() => without('for share', cut)).toThrow('a.sql: what is to be cut is there 0 times')
    expect(() => without('for update; for update', cut)).toThrow('is there 2 times')
    expect(without('a for update b', cut)).toBe('a  b')
  })
})
