import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
const page = readFileSync(`${root}docs/drivers.md`, 'utf8')

/** What stands between `// docs: <heading>` and `// end` in a driver's own test, which runs it. */
function examples(): [heading: string, code: string][] {
  return readdirSync(here)
    .filter((file) => file.endsWith('.ts') && file !== 'page.test.ts')
    .flatMap((file) => [
      ...readFileSync(here + file, 'utf8').matchAll(/^( *)\/\/ docs: ([^\n]+)\n(.*?)^\1\/\/ end$/gms),
    ])
    .map(([, indent = '', heading = '', code = '']) => [
      heading,
      code.replaceAll(`\n${indent}`, '\n').slice(indent.length),
    ])
}

/** The sections that have a snippet, each with that. */
function shown(): [heading: string, code: string][] {
  return [...page.matchAll(/^## ([^\n]+)\n(?:(?!^## ).)*?^```ts\n(.*?)^```$/gms)].map(
    ([, heading = '', code = '']) => [heading, code],
  )
}

describe('docs/drivers.md', () => {
  it('shows for each driver what its test runs', () => {
    const run = new Map(examples())
    expect(run.size).toBe(13)
    expect(new Map(shown())).toEqual(run)
  })

  it('has a row for each', () => {
    const rows = [...page.matchAll(/^\| \[([^\]]+)\]/gm)].map(([, name = '']) => name)
    expect(rows).toEqual(shown().map(([heading]) => heading))
  })

  it('names the versions that are tested', () => {
    const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
      readFileSync(`${here}package.json`, 'utf8'),
    )
    const named = [...page.matchAll(/`([@\w/-]+)` (\d+\.\d+\.\d+)/g)].map(([, name = '', version]) => [
      name,
      version,
    ])
    expect(named).toHaveLength(13)
    for (const [name = '', version] of named) expect(devDependencies[name], name).toBe(version)
  })
})

describe('the tests of the drivers', () => {
  it("compile, and so does what the types of each driver's transactions are promised", async () => {
    const compiler = [`${root}node_modules/typescript/bin/tsc`, '-p', here]
    await expect(promisify(execFile)(process.execPath, compiler, { cwd: root })).resolves.toMatchObject({
      stdout: '',
    })
  })
})
