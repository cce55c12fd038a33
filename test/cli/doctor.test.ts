import { readFile } from 'node:fs/promises'
import { run } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { SEVERITIES, type FindingCode } from '../../src/doctor/finding.ts'
import { silent } from '../journeys/journey-logger.ts'
import { createTestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal, root } from './pty.ts'
import { start } from './start.ts'
import { perform, type Spoken } from './streams.ts'

const CONFIG = `import { defineConfig } from 'kongtask'
export default defineConfig({
  connectionString: 'postgres://me:s3cret@localhost:1/app?sslpassword=hidden',
  schema: 'jobs',
  queues: { mail: { concurrency: 3 }, reports: 1 },
  encryption: { keys: { k1: '${Buffer.alloc(32, 7).toString('base64')}' }, current: 'k1' },
})
`

describe('kongtask doctor --config', () => {
  it('prints what is configured, where it comes from, and no secret', async () => {
    await using project = await projectFolder({
      'kongtask.config.ts': CONFIG,
      'tasks/a.mjs': 'export default () => {}',
    })
    const terminal = openTerminal(['doctor', '--config'], {
      cwd: project.path,
      env: { KONGTASK_CONCURRENCY: '4' },
    })
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toContain('Configuration file: kongtask.config.ts')
    expect(terminal.text).toMatch(/^concurrency +4 +KONGTASK_CONCURRENCY$/m)
    expect(terminal.text).toMatch(/^queues +mail=3, reports=1 +kongtask\.config\.ts$/m)
    expect(terminal.text).toMatch(
      /^connectionString +postgres:\/\/me:\*\*\*@localhost:1\/app\?sslpassword=\*\*\* /m,
    )
    expect(terminal.raw).toContain('\u001b[')
    for (const args of [
      ['doctor', '--config'],
      ['doctor', '--config', '--json'],
    ]) {
      const { stdout } = await start(args, { cwd: project.path })
      expect(stdout).not.toMatch(/s3cret|hidden|BwcHBw/)
      expect(stdout).toContain('keys k1')
    }
  })

  it('has no colours with --no-color, and none with NO_COLOR', async () => {
    await using project = await projectFolder({ 'kongtask.config.ts': CONFIG })
    const asked = openTerminal(['doctor', '--config', '--no-color'], { cwd: project.path })
    const told = openTerminal(['doctor', '--config'], { cwd: project.path, env: { NO_COLOR: '1' } })
    await Promise.all([asked.exited, told.exited])
    expect(asked.text).toContain('queues')
    expect(told.text).toContain('queues')
    expect(asked.raw + told.raw).not.toContain('\u001b[')
  })

  it('finds the file from a folder below, and warns of a variable that nobody reads', async () => {
    await using project = await projectFolder({ 'kongtask.config.ts': CONFIG, 'src/deep/x.txt': '' })
    const { stdout, stderr } = await start(['doctor', '--config', '--json'], {
      cwd: `${project.path}/src/deep`,
      env: { KONGTASK_SHEMA: 'typo', KONGTASK_SERVICE_HOST: '10.0.0.1' },
    })
    expect(JSON.parse(stdout)).toEqual({
      configFile: `${project.path}/kongtask.config.ts`,
      folder: project.path,
      settings: expect.arrayContaining([
        { name: 'schema', value: 'jobs', source: '../../kongtask.config.ts' },
      ]),
      warnings: ['KONGTASK_SHEMA is not read by anybody. Did you mean KONGTASK_SCHEMA?'],
    })
    expect(stderr).toBe('Warning: KONGTASK_SHEMA is not read by anybody. Did you mean KONGTASK_SCHEMA?\n')
  })
})

const RESULT = z.strictObject({
  ok: z.boolean(),
  findings: z.array(
    z.strictObject({
      check: z.string().regex(/^[a-z]+$/),
      code: z.enum(Object.keys(SEVERITIES)),
      severity: z.enum(['fine', 'note', 'warning', 'error']),
      what: z.string().min(1),
      remedy: z.string().nullable(),
      command: z.string().nullable(),
    }),
  ),
})

describe('kongtask doctor', () => {
  it('says what is wrong, each with a command that remedies it, and ends with 3', async () => {
    await using database = await createTestDatabase({ migrated: false })
    const terminal = openTerminal(['doctor'], {
      cwd: '/tmp',
      env: { DATABASE_URL: database.connectionString },
      columns: 160,
    })
    expect(await terminal.exited).toBe(3)
    expect(terminal.text).toMatch(/^✓ server: PostgreSQL is \d+\.\d+\.$/m)
    expect(terminal.text).toMatch(
      /^✗ schema: KongTask's tables are not in the schema "kongtask"\. \(schema_missing\)\n {4}Migrate, .*\n {4}\$ kongtask migrate$/m,
    )
    const elsewhere = ['--database-url', database.connectionString, '--schema', 'jobs']
    const { stdout } = await perform(['doctor', ...elsewhere])
    expect(stdout).toContain('$ kongtask migrate --schema jobs\n')
  })

  it('answers a program with codes, severities and commands', async () => {
    await using database = await createTestDatabase()
    const say = (): Promise<Spoken> =>
      perform(['doctor', '--json', '--database-url', database.connectionString])
    const idle = await say()
    expect(idle).toMatchObject({ exitCode: 3, stderr: '' })
    const { ok, findings } = RESULT.parse(JSON.parse(idle.stdout))
    expect(ok).toBe(false)
    for (const { severity, code, remedy, command } of findings) {
      expect(severity).toBe(SEVERITIES[isCode(code) ? code : 'check_failed'])
      expect([remedy === null, command === null]).toEqual([severity === 'fine', severity === 'fine'])
    }
    expect(findings.map(({ code }) => code)).toEqual([
      'node_supported',
      'database_answers',
      'server_supported',
      'clocks_agree',
      'listen_works',
      'vacuum_free',
      'schema_current',
      'role_may_add',
      'role_may_administer',
      'role_may_work',
      'indexes_sound',
      'tables_sound',
      'workers_none',
      'tasks_served',
      'queues_served',
    ])
    const runner = await run({ pool: database.pool, tasks: { hello: () => 1 }, logger: silent })
    const well = await say()
    await runner.stop()
    expect(well.exitCode).toBe(0)
    expect(RESULT.parse(JSON.parse(well.stdout)).ok).toBe(true)
  })

  it('has every code in docs/cli.md', async () => {
    const page = await readFile(`${root}docs/cli.md`, 'utf8')
    expect(Object.keys(SEVERITIES).filter((code) => !page.includes(`\`${code}\``))).toEqual([])
  })
})

function isCode(code: string): code is FindingCode {
  return Object.hasOwn(SEVERITIES, code)
}
