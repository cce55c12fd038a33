import { KongTask, run } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
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

describe('kongtask doctor', () => {
  it('says what is wrong, each with its remedy, and ends with 3', async () => {
    await using project = await projectFolder()
    await using database = await createTestDatabase({ migrated: false })
    const env = { DATABASE_URL: database.connectionString }
    const bare = await start(['doctor'], { cwd: project.path, env })
    expect(bare.exitCode).toBe(3)
    expect(bare.stdout).toMatch(
      /^✓ connection: .*\n✗ tables: .*\n {2}What to do: Run `kongtask migrate`\.\n$/,
    )
    await start(['migrate'], { cwd: project.path, env })
    const idle = await start(['doctor', '--json'], { cwd: project.path, env })
    expect(idle.exitCode).toBe(3)
    const { ok, findings }: { ok: boolean; findings: readonly { check: string; ok: boolean }[] } = JSON.parse(
      idle.stdout,
    )
    expect([ok, findings.map((found) => `${found.check} ${found.ok}`)]).toEqual([
      false,
      ['connection true', 'tables true', 'clock true', 'workers false', 'tasks true', 'queues true'],
    ])
  })

  it('names tasks that no process performs, and queues that nobody serves or that are paused', async () => {
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const say = async (): Promise<Spoken> => perform(['doctor', '--database-url', database.connectionString])
    const runner = await run({ pool: database.pool, tasks: { hello: () => 1 }, queues: { mail: 1, held: 1 } })
    expect(await say()).toMatchObject({ exitCode: 0 })
    await kong.queues.pause('held')
    await kong.addJob('hello', {}, { queue: 'held' })
    await kong.addJob('hello', {}, { queue: 'reports' })
    await kong.addJob('unheard_of', {}, { queue: 'mail', scheduledIn: '1h' })
    const { exitCode, stdout } = await say()
    await runner.stop()
    expect(exitCode).toBe(3)
    expect(stdout).toMatch(/^✗ tasks: .*: unheard_of\.\n {2}What to do: /m)
    expect(stdout).toMatch(/^✗ queues: .*no process serves reports; paused: held\.\n {2}What to do: /m)
  })
})
