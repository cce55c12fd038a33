import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTask } from 'kongtask'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { loadFixture } from '../import/fixture.ts'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)
const SYSTEMS = ['graphile-worker', 'pg-boss', 'bullmq'] as const
const pageOf = (system: string): string => `docs/coming-from/${system}.md`

/** What an import and an export print, each with its type: `ImportNote = {…}`. */
async function importedAsJson(): Promise<string[]> {
  await using database = await createTestDatabase()
  await loadFixture('pg-boss', database.connectionString)
  await using folder = await temporaryFolder()
  const run = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await perform([...args, '--json', '--database-url', database.connectionString])
    return stdout.trimEnd().split('\n')
  }
  const imported = await run('import', 'pg-boss')
  const whole = imported.pop() ?? ''
  const [exported = ''] = await run('export', '--output', `${folder.path}/jobs.ndjson`)
  expect(imported.length).toBeGreaterThan(0)
  return [
    ...imported.map((text) => `ImportNote = ${text}`),
    `ImportResult = ${whole}`,
    `ExportResult = ${exported}`,
  ]
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'kongtask-moving-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

describe('docs/coming-from', () => {
  it('has code that compiles, runs, and says what the pages say', async () => {
    const files: Record<string, string> = {}
    for (const system of SYSTEMS) {
      const [code = '', ...more] = await snippetsOf(pageOf(system))
      expect(more).toEqual([])
      files[`${system}.ts`] = code
    }
    // As literals the compiler refuses fields that the types of docs/moving.md do not have.
    const [types = ''] = await snippetsOf('docs/moving.md')
    const outputs = await importedAsJson()
    const moving = `${types}${outputs.map((text, n) => `export const output${n}: ${text}\n`).join('')}`
    const folder = await writeSnippets('coming-from', { ...files, 'moving.ts': moving })
    await execute('npx', ['tsc', '-p', folder], { cwd: root })
    for (const [file, code] of Object.entries(files)) {
      await using database = await createTestDatabase()
      const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/${file}`], {
        cwd: root,
        env: {
          ...process.env,
          DATABASE_URL: database.connectionString,
          TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
        },
      })
      const [, said = ''] = /console\.log\(.*\) \/\/ (.*)$/m.exec(code) ?? []
      expect(said).not.toBe('')
      expect(stdout.split('\n'), file).toContain(said)
    }
  })

  it('has code of the other systems that can be read', async () => {
    for (const system of SYSTEMS) {
      const text = await readFile(root + pageOf(system), 'utf8')
      const blocks = [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, code = '']) => code)
      expect(blocks.length).toBeGreaterThan(0)
      for (const code of blocks) expect(parseSync('snippet.mjs', code).errors).toEqual([])
    }
  })

  it('has the commands of its steps, which do what they say', async () => {
    for (const system of SYSTEMS) {
      const text = await readFile(root + pageOf(system), 'utf8')
      await using database = await createTestDatabase({ migrated: false })
      await loadFixture(system, database.connectionString)
      const steps = [...text.matchAll(/^\d\. .*?`kongtask ([a-z -]+)`/gm)].map(([, args = '']) =>
        args.split(' '),
      )
      expect(steps).toEqual([['migrate'], ['import', system, '--dry-run'], ['import', system]])
      for (const args of steps) {
        const { stderr } = await perform([...args, '--database-url', database.connectionString])
        expect(stderr).toBe('')
      }
      const kong = new KongTask({ pool: database.pool })
      expect((await kong.jobs.list()).jobs.length).toBeGreaterThan(5)
    }
  })
})

it('docs/moving.md has commands that work', async () => {
  const text = await readFile(`${root}docs/moving.md`, 'utf8')
  const [, block = ''] = /^```sh\n(.*?)^```/ms.exec(text) ?? []
  const commands = [...block.matchAll(/^kongtask (\w+)/gm)].map(([, name]) => name)
  expect(commands).toEqual(['export', 'export', 'import', 'import'])
  await using database = await createTestDatabase()
  await database.pool.query("select kongtask.add_job('a'); delete from kongtask.imports")
  const { stdout } = await perform(['export', '--database-url', database.connectionString])
  expect(stdout).toMatch(/^\{"format":"kongtask\.job\/1","from":"kongtask:\d+\/.*"task":"a".*\}\n$/)
})
