import { KongTask } from 'kongtask'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { projectFolder, type ProjectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start } from './start.ts'

const TASKS = {
  'tasks/hello.ts': `import { handle, defineTask } from 'kongtask'
export const hello = defineTask<'hello', { name: string }>('hello')
enum Greeting { Long = 'Good morning' }
export default handle(hello, ({ name }, { logger }) => { logger.info(Greeting.Long + ', ' + name); return { greeted: name } })
`,
  'tasks/mail/welcome.mjs': `export default (payload, { job }) => job.task\n`,
  'tasks/wait.mjs': `export const handle = (payload, { signal, logger }) => new Promise((resolve, reject) => {
  logger.info('waiting')
  signal.addEventListener('abort', () => reject(signal.reason))
})
`,
  'tasks/until_stop.mjs': `export const handle = async (payload, { logger }) => {
  const asked = new Promise((resolve) => process.once('SIGINT', () => setImmediate(resolve, 'ended well')))
  logger.info('at work')
  return asked
}
`,
  'tasks/_shared.ts': `throw new Error('nobody may load this')\n`,
  'tasks/hello.test.ts': `throw new Error('nobody may load this')\n`,
}

let database: TestDatabase
let project: ProjectFolder
let kong: KongTask
let env: Record<string, string>
beforeAll(async () => {
  project = await projectFolder(TASKS)
})
beforeEach(async () => {
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  env = { DATABASE_URL: database.connectionString }
  return () => database.drop()
})
afterAll(() => project[Symbol.asyncDispose]())

describe('kongtask work', () => {
  it('runs what is ready with --once: a task is a file, TypeScript too, in folders too', async () => {
    const [hello, welcome] = [await kong.addJob('hello', { name: 'Ada' }), await kong.addJob('mail/welcome')]
    const { exitCode, stderr } = await start(['work', '--once'], { cwd: project.path, env })
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(await kong.jobs.get(hello.id)).toMatchObject({ state: 'completed', result: { greeted: 'Ada' } })
    expect(await kong.jobs.get(welcome.id)).toMatchObject({ state: 'completed', result: 'mail/welcome' })
  })

  it('serves only the queues that are named', async () => {
    const here = await kong.addJob('hello', { name: 'Ada' }, { queue: 'mail' })
    const there = await kong.addJob('hello', { name: 'Ada' }, { queue: 'reports' })
    await start(['work', '--once', '--queues', 'mail=2,slow'], { cwd: project.path, env })
    expect((await kong.jobs.get(here.id))?.state).toBe('completed')
    expect((await kong.jobs.get(there.id))?.state).toBe('ready')
  })

  it('logs one JSON object a line with --json, and nothing else', async () => {
    await kong.addJob('hello', { name: 'Ada' })
    const { stdout } = await start(['work', '--once', '--json'], { cwd: project.path, env })
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines).toContainEqual(
      expect.objectContaining({
        time: expect.any(String),
        level: 'info',
        message: 'Good morning, Ada',
        task: 'hello',
      }),
    )
  })

  it('ends with 0 on Ctrl-C, when what runs has ended, and begins nothing more', async () => {
    const terminal = openTerminal(['work', '--concurrency', '1'], { cwd: project.path, env })
    await terminal.shows('KongTask worker started')
    const first = await kong.addJob('until_stop')
    await terminal.shows('at work')
    const second = await kong.addJob('until_stop')
    terminal.type('\u0003')
    await terminal.shows('KongTask worker is stopping')
    expect(await terminal.exited).toBe(0)
    expect(await kong.jobs.get(first.id)).toMatchObject({ state: 'completed', result: 'ended well' })
    expect((await kong.jobs.get(second.id))?.state).toBe('ready')
  })

  it('ends at once on the second Ctrl-C, and the job is not lost', async () => {
    const terminal = openTerminal(['work'], {
      cwd: project.path,
      env: { ...env, KONGTASK_GRACE_PERIOD: '1h' },
    })
    await terminal.shows('KongTask worker started')
    const { id } = await kong.addJob('wait')
    await terminal.shows('waiting')
    terminal.type('\u0003')
    await terminal.shows('KongTask worker is stopping')
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    expect((await kong.jobs.get(id))?.state).toBe('running')
  })

  it('gives back on SIGTERM what does not end within the grace period, attempt included', async () => {
    const terminal = openTerminal(['work'], {
      cwd: project.path,
      env: { ...env, KONGTASK_GRACE_PERIOD: '100ms' },
    })
    await terminal.shows('KongTask worker started')
    const { id } = await kong.addJob('wait')
    await terminal.shows('waiting')
    process.kill(terminal.pid, 'SIGTERM')
    expect(await terminal.exited).toBe(0)
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'ready', attempt: 0 })
  })

  it('tells everything that is wrong with the task files at once, and begins nothing', async () => {
    await using broken = await projectFolder({
      'tasks/no_export.mjs': 'export const nothing = 1\n',
      'tasks/contract.ts': `import { defineTask } from 'kongtask'\nexport default defineTask('contract')\n`,
      'tasks/syntax.mjs': 'export default (\n',
      'tasks/class.mjs': 'export default class Mailer { handle() {} }\n',
      'tasks/twice.mjs': `export default { name: 'once', handle() {} }\n`,
      'tasks/once.mjs': 'export default () => {}\n',
      'tasks/has space.mjs': 'export default () => {}\n',
      'tasks/fine.mjs': 'export default () => {}\n',
    })
    await broken.write('tasks/script.sh', 'echo')
    await broken.write('tasks/forgotten.py', 'import sys')
    const { exitCode, stdout, stderr } = await start(['work'], { cwd: broken.path, env })
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^KT_TASK_FILE_INVALID: /)
    for (const line of [
      /^ {2}tasks\/class\.mjs: exports a class/m,
      /^ {2}tasks\/contract\.ts: exports a contract without a handler/m,
      /^ {2}tasks\/has space\.mjs: "has space" is not a task name/m,
      /^ {2}tasks\/no_export\.mjs: exports no task/m,
      /^ {2}tasks\/syntax\.mjs: cannot be loaded/m,
      /^ {2}tasks\/twice\.mjs: is the task "once", which tasks\/once\.mjs is already/m,
    ])
      expect(stderr).toMatch(line)
    expect(stderr).not.toMatch(/fine\.mjs|\n +at /)
  })

  it('declares the schedules of a crontab, and tells every line of it that is wrong', async () => {
    await project.write('times', '0 8 * * *  hello  ?tz=Europe/Berlin  {"name":"Ada"}\n')
    await start(['work', '--once', '--crontab', 'times'], { cwd: project.path, env })
    expect(await kong.schedules.list()).toMatchObject([
      { task: 'hello', expression: '0 8 * * *', tz: 'Europe/Berlin' },
    ])

    await project.write('times', '0 8 * * *  hello\n61 8 * * *  hello\n0 8 * *  hello\n')
    const { exitCode, stderr } = await start(['work', '--crontab', 'times'], { cwd: project.path, env })
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/^KT_CRONTAB_INVALID: [^]*\b2:1\b[^]*\b3:\d/)
    expect(stderr).not.toMatch(/\n +at /)
  })

  it.each([
    [['work', '--tasks', 'nowhere'], 2, /^KT_TASK_FILE_INVALID: .*\n {2}nowhere: There is no such folder/],
    [
      ['work', '--concurrency', 'many'],
      2,
      /--concurrency: `concurrency` must be a whole number from 1 to 10000, not "many"/,
    ],
    [
      ['work', '--queues', 'mail=0,reports=x'],
      2,
      /--queues: `mail` .*not 0\.\n {2}--queues: `reports` .*not "x"/,
    ],
    [['work', '--concurency', '1'], 2, /Unknown option '--concurency' \(Did you mean --concurrency\?\)/],
  ])('%j is refused, with %d', async (args, code, message) => {
    const { exitCode, stderr } = await start(args, { cwd: project.path, env })
    expect(exitCode).toBe(code)
    expect(stderr).toMatch(message)
  })

  it('says how to name a database where none is', async () => {
    const { exitCode, stderr } = await start(['work'], { cwd: project.path })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^KT_CONNECTION_MISSING: .*\nWhat to do: Give `--database-url`/)
  })
})
