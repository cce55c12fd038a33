import { describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start, type Ended } from './start.ts'

async function schemaOf({ pool }: TestDatabase, schema = 'kongtask'): Promise<unknown> {
  const { rows } = await pool.query(
    `select (select count(*)::int from pg_class c where c.relnamespace = n.oid and c.relname !~ '_\\d{8}|_pkey|_idx') as relations,
            (select count(*)::int from pg_proc p where p.pronamespace = n.oid) as functions
       from pg_namespace n where n.nspname = $1`,
    [schema],
  )
  return rows[0]
}

describe('kongtask migrate', () => {
  it('says what it would do, does it, and does nothing the second time', async () => {
    await using project = await projectFolder()
    await using database = await createTestDatabase({ migrated: false })
    const run = (...args: string[]): Promise<Ended> =>
      start(['migrate', ...args], { cwd: project.path, env: { DATABASE_URL: database.connectionString } })

    const status = await run('--status', '--json')
    expect(status.exitCode).toBe(3)
    const { pending }: { pending: readonly { number: number }[] } = JSON.parse(status.stdout)
    expect(pending.length).toBeGreaterThan(10)
    expect(await run('--dry-run', '--json')).toMatchObject({ exitCode: 0, stdout: status.stdout })
    expect(await schemaOf(database)).toBeUndefined()

    const terminal = openTerminal(['migrate'], {
      cwd: project.path,
      env: { DATABASE_URL: database.connectionString },
    })
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toContain('0000 ')
    expect(terminal.text).toContain(`The schema "kongtask" is up to date: ${pending.length} applied.`)

    expect(JSON.parse((await run('--json')).stdout)).toEqual({
      schema: 'kongtask',
      applied: pending.length,
      pending: [],
      done: true,
    })
    expect(await run('--status')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/up to date, \d+ migrations\.\n$/),
    })
  })

  it('prints SQL that makes the same schema, without a database to look at', async () => {
    await using project = await projectFolder()
    await using database = await createTestDatabase({ migrated: false })
    const { exitCode, stdout } = await start(['migrate', '--sql', '--schema', 'by_hand'], {
      cwd: project.path,
    })
    expect(exitCode).toBe(0)
    await database.pool.query(stdout)
    await start(['migrate'], { cwd: project.path, env: { DATABASE_URL: database.connectionString } })
    expect(await schemaOf(database, 'by_hand')).toEqual(await schemaOf(database))
    const status = await start(['migrate', '--status', '--schema', 'by_hand', '--json'], {
      cwd: project.path,
      env: { DATABASE_URL: database.connectionString },
    })
    expect(status).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"pending":[]') })
  })

  it('refuses two ways at once, and a schema name that is none', async () => {
    await using project = await projectFolder()
    const twice = await start(['migrate', '--sql', '--status'], { cwd: project.path })
    expect(twice).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^KT_USAGE_INVALID/) })
    const named = await start(['migrate', '--sql', '--schema', 'My Jobs'], { cwd: project.path })
    expect(named).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^KT_CONFIG_INVALID.*\n {2}--schema: /),
    })
  })
})
