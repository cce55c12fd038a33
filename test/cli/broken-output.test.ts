import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { KongTask, run as runWorker } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { performCommandLine } from '../../src/cli/program.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { projectFolder, type ProjectFolder } from './project-folder.ts'
import { environment, PROGRAM } from './pty.ts'

/** What a command line writes to, which can break. */
class Stream extends EventEmitter {
  text = ''

  write(piece: string): void {
    this.text += piece
    this.emit('text')
  }

  async shows(wanted: string): Promise<void> {
    while (!this.text.includes(wanted)) await once(this, 'text')
  }

  break(code: 'EPIPE' | 'ENOSPC'): void {
    this.emit('error', Object.assign(new Error(`write ${code}`), { code }))
  }
}

const TASKS = {
  'tasks/wait.mjs': `export default (payload, { signal, logger }) => new Promise((resolve, reject) => {
  logger.info('waiting')
  signal.addEventListener('abort', () => reject(signal.reason))
})
`,
}

let database: TestDatabase
let project: ProjectFolder
let kong: KongTask
beforeAll(async () => {
  project = await projectFolder(TASKS)
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
})
afterAll(async () => {
  await database.drop()
  await project[Symbol.asyncDispose]()
})

function speak(...args: readonly string[]) {
  const [stdout, stderr] = [new Stream(), new Stream()]
  const env = { KONGTASK_GRACE_PERIOD: '1ms' }
  const url = ['--database-url', database.connectionString]
  return { stdout, stderr, exitCode: performCommandLine([...args, ...url], { stdout, stderr, env }) }
}

describe('a command whose output is broken', () => {
  it.each(['stdout', 'stderr'] as const)(
    'stops in good order where it works, gives back what it has, and does not end with 0: %s',
    async (broken) => {
      const working = speak('work', '--tasks', `${project.path}/tasks`, '--json')
      const { id } = await kong.addJob('wait', {}, { queue: broken })
      await working.stdout.shows('waiting')
      const said = working[broken].text
      working[broken].break('EPIPE')
      expect(await working.exitCode).toBe(141)
      expect(await kong.jobs.get(id)).toMatchObject({ state: 'ready', attempt: 0 })
      expect(await kong.workers.list()).toEqual([])
      // What came later was dropped.
      expect(working[broken].text).toBe(said)
      await kong.jobs.delete(id)
    },
  )

  it('ends with 141 where it was to work until nothing is ready', async () => {
    const { id } = await kong.addJob('wait')
    const working = speak('work', '--once', '--tasks', `${project.path}/tasks`, '--json')
    await working.stdout.shows('waiting')
    working.stdout.break('EPIPE')
    expect(await working.exitCode).toBe(141)
    await kong.jobs.delete(id)
  })

  it('ends with 0 where it only prints: whoever reads has had enough', async () => {
    const listing = speak('jobs', 'list')
    listing.stdout.break('EPIPE')
    expect(await listing.exitCode).toBe(0)

    await using runner = await runWorker({
      pool: database.pool,
      queues: { talk: 1 },
      tasks: {
        talk: (_payload, { logger, signal }) =>
          new Promise((_resolve, reject) => {
            logger.warn('begun')
            signal.addEventListener('abort', () => reject(signal.reason))
          }),
      },
    })
    const { id } = await kong.addJob('talk', {}, { queue: 'talk' })
    const following = speak('logs', '-f', id)
    await following.stdout.shows('begun')
    following.stdout.break('EPIPE')
    expect(await following.exitCode).toBe(0)
    await kong.jobs.cancel(id)
    await runner.stop()
  })

  it('says so where it could not be written for another reason', async () => {
    const listing = speak('jobs', 'list')
    listing.stdout.break('ENOSPC')
    expect(await listing.exitCode).toBe(141)
    expect(listing.stderr.text).toMatch(
      /^What it prints cannot be written, so it has stopped: write ENOSPC\.\n$/,
    )
  })

  it.each(['work', 'dev'])('is %s whose pipe has nobody at its other end', async (command) => {
    const url = ['--database-url', database.connectionString]
    const program = spawn(process.execPath, [...PROGRAM, command, ...url], {
      cwd: project.path,
      env: environment({ KONGTASK_GRACE_PERIOD: '1ms' }),
    })
    const exited = once(program, 'exit')
    let said = ''
    for await (const piece of program.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      said += String(piece)
      if (said.includes('worker started')) break
    }
    program.stdout.destroy()
    // Its line is the next.
    const { id } = await kong.addJob('wait')
    expect(await exited).toEqual([141, null])
    expect(await kong.jobs.get(id)).toMatchObject({ state: 'ready', attempt: 0 })
    expect(await kong.workers.list()).toEqual([])
    await kong.jobs.delete(id)
  })
})
