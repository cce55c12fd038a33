import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KongTask } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { isRunning, pidIn, STUBBORN } from './programs.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start } from './start.ts'

const hello = (greeting: string): string => `export default ({ name }) => '${greeting} ' + name\n`

describe('kongtask dev', () => {
  it('brings a database that the other commands use, and ends with Ctrl-C', async () => {
    await using project = await projectFolder({ 'tasks/hello.ts': hello('Good morning') })
    const terminal = openTerminal(['dev'], { cwd: project.path })
    const shown = await terminal.shows('Ready.')
    expect(shown).toMatch(/^PostgreSQL [\d.]+ in \.kongtask\/postgres$/m)
    expect(shown).toMatch(/^ {2}hello {2}tasks\/hello\.ts$/m)
    expect(shown).toContain(`npx kongtask add hello --payload '{}' --wait`)
    const { exitCode, stdout } = await start(
      ['add', 'hello', '--payload', '{"name":"Ada"}', '--wait', '--json'],
      {
        cwd: project.path,
      },
    )
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ state: 'completed', result: 'Good morning Ada' })
    await terminal.shows(/✓ hello \d+ completed in \d+ ms/)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toContain('KongTask worker stopped')

    const production = await start(['add', 'hello'], { cwd: project.path, env: { NODE_ENV: 'production' } })
    expect(production).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^KT_CONNECTION_MISSING/) })
  })

  it('begins anew when a task changes, comes, goes or breaks, and when the configuration changes', async () => {
    await using project = await projectFolder({ 'tasks/hello.ts': hello('Good morning') })
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const terminal = openTerminal(['dev', '--database-url', database.connectionString], { cwd: project.path })
    await terminal.shows('Ready.')
    const greeting = async (): Promise<unknown> =>
      kong.jobs.result((await kong.addJob('hello', { name: 'Ada' })).id)
    expect(await greeting()).toBe('Good morning Ada')

    await project.write('tasks/hello.ts', hello('Good evening'))
    await terminal.shows(/hello\.ts has changed[^]*Ready\./)
    expect(await greeting()).toBe('Good evening Ada')

    await project.write('tasks/mail/welcome.ts', 'export default () => 1\n')
    await terminal.shows(/mail\/welcome {2}tasks\/mail\/welcome\.ts[^]*Ready\./)

    await project.write('tasks/mail/welcome.ts', 'export default (\n')
    await terminal.shows(/tasks\/mail\/welcome\.ts: cannot be loaded[^]*Waiting for a change/)

    await rm(join(project.path, 'tasks/mail/welcome.ts'))
    await terminal.shows(/Waiting for a change[^]*Ready\./)

    await project.write('kongtask.config.mjs', `export default { schema: 'Not One' }\n`)
    await terminal.shows(/kongtask\.config\.mjs: `schema`: [^]*Waiting for a change/)
    await project.write('kongtask.config.mjs', `export default { queues: { slow: 1 } }\n`)
    await terminal.shows(/worker started worker=\d+ queues=\["slow"\][^]*Ready\./)

    terminal.type('\u0003')
    expect(await terminal.exited).toBe(0)
    expect(await kong.workers.list()).toEqual([])
  })

  it('leaves no worker behind when it is killed', async () => {
    await using project = await projectFolder({ 'tasks/hello.mjs': hello('Hi') })
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const terminal = openTerminal(['dev', '--database-url', database.connectionString], { cwd: project.path })
    await terminal.shows('Ready.')
    process.kill(terminal.pid, 'SIGKILL')
    await terminal.exited
    await expect.poll(() => kong.workers.list(), { timeout: 20_000 }).toEqual([])
  })

  it('takes the programs that its worker runs with it when it is ended at once', async () => {
    await using project = await projectFolder({ 'tasks/stubborn.sh': STUBBORN })
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const terminal = openTerminal(['dev', '--database-url', database.connectionString], {
      cwd: project.path,
      env: { KONGTASK_GRACE_PERIOD: '1h' },
    })
    await terminal.shows('Ready.')
    await kong.addJob('stubborn')
    const program = pidIn(await terminal.shows(/begun \d+\s/))
    terminal.type('\u0003')
    await terminal.shows('KongTask worker is stopping')
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    await expect.poll(() => isRunning(program)).toBe(false)
  })

  it('works in the database that the configuration has come to name', async () => {
    await using first = await createTestDatabase()
    await using second = await createTestDatabase()
    const config = (url: string): string => `export default { connectionString: '${url}' }\n`
    await using project = await projectFolder({
      'tasks/hello.mjs': hello('Hi'),
      'kongtask.config.mjs': config(first.connectionString),
    })
    const terminal = openTerminal(['dev'], { cwd: project.path })
    await terminal.shows('Ready.')
    await project.write('kongtask.config.mjs', config(second.connectionString))
    await terminal.shows(/config\.mjs has changed[^]*Ready\./)
    const kong = new KongTask({ pool: second.pool })
    expect(await kong.jobs.result((await kong.addJob('hello', { name: 'Ada' })).id)).toBe('Hi Ada')
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(0)
  })
})
