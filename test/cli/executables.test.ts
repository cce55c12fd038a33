import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTask, type Job } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { builtPackage } from './built-package.ts'
import { isRunning, pidIn, STUBBORN } from './programs.ts'
import { projectFolder, type ProjectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start } from './start.ts'

const PROGRAMS = {
  'tasks/shout': `#!/bin/sh\nread payload\necho "{\\"heard\\": $payload, \\"by\\": \\"$KONGTASK_JOB_TASK $KONGTASK_JOB_ID $KONGTASK_JOB_QUEUE $KONGTASK_JOB_ATTEMPT/$KONGTASK_JOB_MAX_ATTEMPTS\\"}"\n`,
  'tasks/node_one.mjs.disabled': 'not executable, no interpreter: nobody meant it\n',
  'tasks/talk.sh': `#!/bin/sh\necho plain words\necho first complaint >&2\nprintf 'second complaint' >&2\n`,
  'tasks/fail.sh': `#!/bin/sh\necho trying >&2\necho no such user >&2\nexit 3\n`,
  'tasks/permanent.sh': `#!/bin/sh\necho this can never work >&2\nexit 65\n`,
  'tasks/no_interpreter': `#!/nowhere/at/all\n`,
  'tasks/deaf.sh': `#!/bin/sh\nexit 0\n`,
  'tasks/much.sh': `#!/bin/sh\nhead -c 1100000 /dev/zero | tr '\\0' 1\n`,
  'tasks/long.sh': `#!/bin/sh\ntrap 'echo asked to end >&2; exit 9' TERM\nsleep 1000 &\necho begun $! >&2\nwait\n`,
  'tasks/lingering.sh': `#!/bin/sh\nsleep 1000 &\necho $!\n`,
  'tasks/stubborn.sh': STUBBORN,
}

let database: TestDatabase
let project: ProjectFolder
let kong: KongTask
let env: Record<string, string>
beforeAll(async () => {
  project = await projectFolder(PROGRAMS)
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  env = { DATABASE_URL: database.connectionString }
})
afterAll(async () => {
  await database.drop()
  await project[Symbol.asyncDispose]()
})

async function performed(task: string, payload: { readonly [key: string]: string } = {}): Promise<Job> {
  const { id } = await kong.addJob(task, payload, { maxAttempts: 2 })
  await start(['work', '--once'], { cwd: project.path, env })
  const job = await kong.jobs.get(id)
  if (job === undefined) throw new Error(`There is no job ${id}.`)
  return job
}

describe('a program in the tasks folder', () => {
  it('gets the payload as JSON on standard input, the job in its environment, and its JSON is the result', async () => {
    const job = await performed('shout', { to: 'Ada' })
    expect(job).toMatchObject({
      state: 'completed',
      result: { heard: { to: 'Ada' }, by: `shout ${job.id} default 1/2` },
    })
  })

  it('logs its standard error as warnings, which are kept, and words that are no JSON as information', async () => {
    const job = await performed('talk')
    expect(job).toMatchObject({ state: 'completed', result: undefined })
    const lines = (await kong.jobs.logs(job.id)).map(({ level, message }) => `${level} ${message}`)
    expect(lines).toEqual(['warn first complaint', 'warn second complaint'])
    const told = await kong.addJob('talk')
    const { stdout } = await start(['work', '--once', '--json'], { cwd: project.path, env })
    expect(stdout).toMatch(new RegExp(`"level":"info","message":"plain words".*"jobId":"${told.id}"`))
  })

  it('fails with its exit code and what it said last, and is tried again', async () => {
    const job = await performed('fail')
    expect(job.state).toBe('scheduled')
    expect(job.errors.map(({ message }) => message)).toEqual(['fail.sh exited with 3: no such user'])
  })

  it('is dead at once with exit code 65', async () => {
    const job = await performed('permanent')
    expect(job).toMatchObject({ state: 'dead', attempt: 1 })
    expect(job.errors[0]?.message).toBe('permanent.sh exited with 65: this can never work')
  })

  it('fails where it cannot be started', async () => {
    const job = await performed('no_interpreter')
    expect(job.state).toBe('scheduled')
    expect(job.errors[0]?.message).toMatch(/ENOENT/)
  })

  it('need not read what it is given, however large', async () => {
    const job = await performed('deaf', { text: 'x'.repeat(500_000) })
    expect(job.state).toBe('completed')
  })

  it('completes without a result where it prints more than a mebibyte', async () => {
    const job = await performed('much')
    expect(job).toMatchObject({ state: 'completed', result: undefined })
    expect((await kong.jobs.logs(job.id))[0]?.message).toMatch(/longer than 1 MiB/)
  })

  it('gets SIGTERM with what it has started when the job is aborted, and the job goes back', async () => {
    const terminal = openTerminal(['work'], {
      cwd: project.path,
      env: { ...env, KONGTASK_GRACE_PERIOD: '1ms' },
    })
    await terminal.shows('KongTask worker started')
    const { id } = await kong.addJob('long')
    const sleep = pidIn(await terminal.shows(/begun \d+\s/))
    expect(await isRunning(sleep)).toBe(true)
    terminal.type('\u0003')
    await terminal.shows('asked to end')
    expect(await terminal.exited).toBe(0)
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'ready', attempt: 0 })
    await expect.poll(() => isRunning(sleep)).toBe(false)
    // Nobody is to take it again.
    await kong.jobs.delete(id)
  })

  it('has ended when it exits, although something that it left behind holds its output', async () => {
    const job = await performed('lingering')
    expect(job).toMatchObject({ state: 'completed', result: expect.any(Number) })
    const sleep = Number(job.result)
    expect(await isRunning(sleep)).toBe(true)
    process.kill(sleep, 'SIGKILL')
  })

  it('fails, to be tried again, where there is no file descriptor left for it', async () => {
    const dist = join(builtPackage(), 'dist')
    const script = `
import { openSync } from 'node:fs'
import { executableTask } from '${dist}/project/executable-task.js'
import { mockContext } from '${dist}/testing/mock-context.js'
const task = executableTask('/bin/true')
const context = mockContext()
try { for (;;) openSync('/dev/null') } catch {}
await task.handle({}, context).catch((error) => console.log(error.code))`
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -n 64; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      script,
    ])
    expect(stdout).toBe('EMFILE\n')
  })

  it('does not outlive its worker where that ends at once', async () => {
    const terminal = openTerminal(['work'], {
      cwd: project.path,
      env: { ...env, KONGTASK_GRACE_PERIOD: '1h' },
    })
    await terminal.shows('KongTask worker started')
    const { id } = await kong.addJob('stubborn')
    const program = pidIn(await terminal.shows(/begun \d+\s/))
    terminal.type('\u0003')
    await terminal.shows('KongTask worker is stopping')
    expect(await isRunning(program)).toBe(true)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    await expect.poll(() => isRunning(program)).toBe(false)
    expect((await kong.jobs.get(id))?.state).toBe('running')
  })
})
