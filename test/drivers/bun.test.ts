import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { checksOf, PREPARATION } from './checks.ts'

describe("a transaction of Bun's SQL, in Bun", () => {
  const problems = new Map<unknown, unknown>()
  beforeAll(async () => {
    await using database = await createTestDatabase()
    await database.pool.query(PREPARATION)
    const script = fileURLToPath(new URL('bun-process.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(bunBinary(), ['run', script], {
      env: { ...process.env, DATABASE_URL: database.connectionString },
    })
    for (const line of stdout.split('\n').filter((text) => text !== '')) {
      const { sentence, problem } = JSON.parse(line)
      problems.set(sentence, problem)
    }
  })

  const sentences = checksOf().map(({ sentence }) => sentence)
  it.each(sentences)('%s', (sentence) => {
    expect(problems.get(sentence), 'the check has run').toBeNull()
  })
})

/** That of the package for this platform; the install script that would put it in place need not have run. */
function bunBinary(): string {
  const { resolve } = createRequire(import.meta.url)
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const machine = process.arch === 'arm64' ? 'aarch64' : process.arch
  const file = `bin/bun${system === 'windows' ? '.exe' : ''}`
  for (const flavour of ['', '-musl']) {
    try {
      return resolve(`@oven/bun-${system}-${machine}${flavour}/${file}`)
    } catch {
      continue
    }
  }
  throw new Error(`The package "bun" has brought no binary for ${system} on ${machine}.`)
}
