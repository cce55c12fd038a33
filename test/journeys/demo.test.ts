import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs the demo as a newcomer does, but on this run's server. */
async function runDemo(connectionString: string, options: readonly string[] = []): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/signup/demo.ts', ...options], {
    cwd: ROOT,
    env: { ...process.env, DEMO_DATABASE_URL: connectionString },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, output }
}

/** The numbers of a line of the table. */
function rowOf(task: string, output: string): number[] {
  const line = output.split('\n').find((candidate) => candidate.trim().startsWith(`${task} `))
  return (line ?? '').trim().split(/ {3,}/).slice(1, 5).map(Number)
}

// Dropping the database fails where the demo has left a connection open.
describe('the demo', { timeout: 120_000 }, () => {
  test('passes its own checks, prints its table and leaves nothing in the database', async () => {
    await using database = await createTestDatabase({ migrated: false })
    const { code, output } = await runDemo(database.connectionString)

    expect(output).toContain('All 10 checks passed')
    expect(code).toBe(0)
    expect(output).toContain('240 committed, 84 rolled back')
    const [added, completed, retried = 0, dead] = rowOf('send_welcome_email', output)
    expect([added, completed, dead]).toEqual([182, 180, 2])
    expect(retried).toBeGreaterThan(50)
    expect(rowOf('schedule_shipping', output)).toEqual([48, 48, 0, 0])
    expect(rowOf('all', output)).toEqual([522, 504, expect.any(Number), 18])

    const { rows } = await database.pool.query(
      "select from pg_namespace where nspname in ('app', 'kongtask')",
    )
    expect(rows).toHaveLength(0)
  })

  test.each([
    ['lose-mail', /^ +\S+@example\.org signed up and got 0 mails$/m],
    ['double-mail', /^ +\S+@example\.org signed up and got 2 mails$/m],
  ])('fails, and names the address, where the mail server was told to %s', async (breakage, complaint) => {
    await using database = await createTestDatabase({ migrated: false })
    const { code, output } = await runDemo(database.connectionString, ['--break', breakage])

    expect(output).toMatch(complaint)
    expect(output).toContain('1 of 10 checks failed')
    expect(code).toBe(1)
  })

  test('touches nothing in a database that is in use', async () => {
    await using database = await createTestDatabase()
    const { code, output } = await runDemo(database.connectionString)

    expect(output).toContain('has the schema kongtask already')
    expect(code).toBe(1)
    const { rows } = await database.pool.query("select from pg_namespace where nspname = 'kongtask'")
    expect(rows).toHaveLength(1)
  })
})
