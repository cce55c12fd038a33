import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { COMMANDS, withHelp } from '../../scripts/write-cli-page.ts'
import { projectFolder } from '../cli/project-folder.ts'
import { start } from '../cli/start.ts'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

describe('docs/cli.md', () => {
  it('has every command, with its help as it is printed (npx tsx scripts/write-cli-page.ts)', async () => {
    const page = await readFile(`${root}docs/cli.md`, 'utf8')
    expect(COMMANDS).toEqual(
      expect.arrayContaining(['init', 'dev', 'work', 'add', 'check', 'migrate', 'doctor', 'torture']),
    )
    for (const command of COMMANDS) expect(page).toContain(`# kongtask ${command}\n`)
    expect(await withHelp(page)).toBe(page)
  })

  it('has a task file that runs, and a program in another language', async () => {
    const [task = ''] = await snippetsOf('docs/cli.md')
    const page = await readFile(`${root}docs/cli.md`, 'utf8')
    const [, program = ''] = /^```python\n(.*?)^```/ms.exec(page) ?? []
    await using project = await projectFolder({ 'tasks/send_email.ts': task, 'tasks/resize.py': program })
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const mail = await kong.addJob('send_email', { to: 'ada@example.org' })
    const resize = await kong.addJob('resize', { width: 640 })
    const env = { DATABASE_URL: database.connectionString }
    const { stdout } = await start(['work', '--once', '--json'], { cwd: project.path, env })
    expect(stdout).toContain('"message":"sent","to":"ada@example.org"')
    expect((await kong.jobs.get(mail.id))?.state).toBe('completed')
    expect(await kong.jobs.get(resize.id)).toMatchObject({ state: 'completed', result: { width: 320 } })
  })

  it('has types that real output fits, field by field', async () => {
    await using project = await projectFolder({ 'tasks/hello.mjs': 'export default () => 1\n' })
    await using elsewhere = await projectFolder()
    await using database = await createTestDatabase({ migrated: false })
    const outputs: string[] = []
    const say = async (type: string, args: readonly string[], cwd = project.path): Promise<void> => {
      const { stdout, stderr } = await start([...args, '--json'], {
        cwd,
        env: { DATABASE_URL: database.connectionString },
      })
      const lines = (type === 'Failure' ? stderr : stdout).trimEnd().split('\n')
      // As literals the compiler refuses fields that the types do not have.
      for (const line of lines) outputs.push(`const output${outputs.length}: ${type} = ${line}`)
    }
    await say('MigrateSql', ['migrate', '--sql'])
    await say('MigrateResult', ['migrate', '--status'])
    await say('MigrateResult', ['migrate'])
    await say('AddResult', ['add', 'hello'])
    await say('CheckResult', ['check'])
    await say('LogLine', ['work', '--once'])
    await say('WaitResult', ['add', 'hello', '--wait', '1ms'])
    await say('DoctorResult', ['doctor'])
    await say('DoctorConfig', ['doctor', '--config'])
    await say('InitResult', ['init', '--no-install'], elsewhere.path)
    await say('Failure', ['work', '--queues', 'mail=x', '--verbose'])
    await say('Failure', ['wrok'])
    expect(outputs.length).toBeGreaterThanOrEqual(12)
    const types = (await snippetsOf('docs/cli.md')).at(-1) ?? ''
    const folder = await writeSnippets('cli', {
      'outputs.ts': `${types}\n${outputs.join('\n')}\nexport {}\n`,
    })
    await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
    // A dozen processes, one after the other.
  }, 180_000)
})
