import { KongTask } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { projectFolder, type ProjectFolder } from './project-folder.ts'
import { openTerminal, type TerminalSession } from './pty.ts'
import { start, type Ended } from './start.ts'
import { perform, type Spoken } from './streams.ts'

const SCHEMA = `const payload = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value.to === 'string' ? { value } : { issues: [{ message: 'must be text', path: ['to'] }] } } }`
const TASKS = {
  'tasks/mail.mjs': `import { defineTask, handle } from 'kongtask'
${SCHEMA}
export default handle(defineTask('send_email', { payload, queue: 'email' }), ({ to }) => ({ sent: to }))
`,
  'tasks/refuse.mjs': `import { PermanentError } from 'kongtask'
export default () => { throw new PermanentError('there is no such user') }
`,
  'tasks/beside.mjs': `export ${SCHEMA}\nexport const handle = () => {}\n`,
  'tasks/keeps_open.mjs': `setInterval(() => {}, 1_000)\nexport default () => {}\n`,
}

let database: TestDatabase
let project: ProjectFolder
let kong: KongTask
let worker: TerminalSession
const run = (args: readonly string[], input?: string): Promise<Ended> =>
  start(args, {
    cwd: project.path,
    env: { DATABASE_URL: database.connectionString },
    ...(input === undefined ? {} : { input }),
  })

beforeAll(async () => {
  project = await projectFolder(TASKS)
  database = await createTestDatabase()
  kong = new KongTask({ pool: database.pool })
  worker = openTerminal(['work', '--queues', 'email=1,default=2'], {
    cwd: project.path,
    env: { DATABASE_URL: database.connectionString },
  })
  await worker.shows('KongTask worker started')
})
afterAll(async () => {
  worker.type('\u0003')
  await worker.exited
  await database.drop()
  await project[Symbol.asyncDispose]()
})

describe('kongtask add', () => {
  it('adds a job with the defaults of its contract, and waits for its result', async () => {
    const terminal = openTerminal(['add', 'send_email', '--payload', '{"to":"ada@example.org"}', '--wait'], {
      cwd: project.path,
      env: { DATABASE_URL: database.connectionString },
    })
    expect(await terminal.exited).toBe(0)
    expect(terminal.text).toMatch(/send_email \d+ added\.\n/)
    expect(terminal.text).toContain('✓ completed: {"sent":"ada@example.org"}')
    const [job] = (await kong.jobs.list({ task: 'send_email' })).jobs
    expect(job).toMatchObject({ state: 'completed', queue: 'email' })
  })

  it('takes every option of addJob as a flag', async () => {
    const flags = {
      '--scheduled-in': '1h',
      '--queue': 'later',
      '--priority': '3',
      '--max-attempts': '4',
      '--timeout': '30s',
      '--retain': '{"finished":"1h","dead":"2d"}',
      '--unique-key': 'k',
      '--unique-for': '2h',
      '--on-conflict': 'replace',
      '--serial-key': 's',
      '--concurrency': '{"limit":2,"by":"to"}',
      '--rate-limit': '{"limit":5,"per":"1m"}',
      '--metadata': '{"by":"me"}',
      '--payload-version': '2',
      '--flags': 'slow',
      // Last: what follows is not one of them.
      '--tags': 'a,b,c',
    }
    const { exitCode, stdout, stderr } = await run([
      'add',
      '--any-task',
      ...Object.entries(flags).flat(),
      'elsewhere',
      '--json',
    ])
    expect([exitCode, stderr]).toEqual([0, ''])
    const added: { id: string; task: string; status: string } = JSON.parse(stdout)
    expect(added).toEqual({ id: expect.any(String), task: 'elsewhere', status: 'added' })
    expect(await kong.jobs.get(added.id)).toMatchObject({
      state: 'scheduled',
      queue: 'later',
      priority: 3,
      maxAttempts: 4,
      uniqueKey: 'k',
      serialKey: 's',
      concurrency: { limit: 2, by: 'to' },
      rateLimit: { limit: 5, per: 60_000 },
      tags: ['a', 'b', 'c'],
      flags: ['slow'],
      metadata: { by: 'me' },
      version: 2,
    })
    const again = await run(['add', 'elsewhere', '--any-task', '--unique-key', 'k', '--json'])
    expect(JSON.parse(again.stdout)).toEqual({ ...added, status: 'skipped' })
  })

  it('reads the payload from a file and from standard input', async () => {
    await project.write('mail.json', '{"to": "bob@example.org"}')
    const fromFile = await run(['add', 'send_email', '--payload', '@mail.json', '--wait', '--json'])
    expect(JSON.parse(fromFile.stdout)).toMatchObject({
      state: 'completed',
      result: { sent: 'bob@example.org' },
    })
    const piped = await run(
      ['add', 'send_email', '--payload', '-', '--wait', '--json'],
      '{"to": "eve@example.org"}\n',
    )
    expect(JSON.parse(piped.stdout)).toMatchObject({
      state: 'completed',
      result: { sent: 'eve@example.org' },
    })
  })

  it('ends with 3 where the job is dead, and where it is not over in time', async () => {
    const dead = await run(['add', 'refuse', '--wait', '--json'])
    expect([dead.exitCode, dead.stderr]).toEqual([3, ''])
    expect(JSON.parse(dead.stdout)).toMatchObject({
      state: 'dead',
      error: { code: 'KT_JOB_DEAD', message: expect.stringContaining('there is no such user') },
    })
    const late = await run([
      'add',
      'send_email',
      '--payload',
      '{"to":""}',
      '--scheduled-in',
      '1h',
      '--wait',
      '10ms',
      '--json',
    ])
    expect(late.exitCode).toBe(3)
    expect(JSON.parse(late.stdout)).toMatchObject({ state: null, error: { code: 'KT_RESULT_TIMEOUT' } })
  })

  it('says so where it waits for a task that nobody performs', async () => {
    const { exitCode, stderr } = await run(['add', 'unheard_of', '--any-task', '--wait', '10ms', '--json'])
    expect([exitCode, stderr]).toEqual([
      3,
      'No process performs unheard_of now; start one with kongtask dev or kongtask work.\n',
    ])
  })

  it('stops waiting on Ctrl-C; the job goes on', async () => {
    const terminal = openTerminal(
      [
        'add',
        'send_email',
        '--payload',
        '{"to":"later"}',
        '--scheduled-in',
        '1h',
        '--tags',
        'waited',
        '--wait',
      ],
      { cwd: project.path, env: { DATABASE_URL: database.connectionString } },
    )
    await terminal.shows(/waiting for send_email/)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    expect((await kong.jobs.list({ tag: 'waited' })).jobs).toMatchObject([{ state: 'scheduled' }])
  })

  it('ends with 0 where the job is over and nothing is kept of it', async () => {
    const args = ['add', 'send_email', '--payload', '{"to":"ada@example.org"}', '--retain', 'false', '--wait']
    const said = await run([...args, '--json'])
    expect([said.exitCode, said.stderr]).toEqual([0, ''])
    expect(JSON.parse(said.stdout)).toEqual({
      id: expect.stringMatching(/^\d+$/),
      task: 'send_email',
      status: 'added',
      state: 'gone',
    })
    expect((await run(args)).stdout).toMatch(/added\.\n✓ over; nothing is kept of it\n$/)
  })

  it('says the id of the job that it has added, whatever keeps it from waiting', async () => {
    const interrupted = openTerminal(
      ['add', 'send_email', '--payload', '{"to":"later"}', '--scheduled-in', '1h', '--wait', '--json'],
      { cwd: project.path, env: { DATABASE_URL: database.connectionString } },
    )
    await interrupted.shows(/waiting for send_email/)
    interrupted.type('\u0003')
    expect(await interrupted.exited).toBe(130)
    expect(interrupted.text).toMatch(
      /\{"id":"\d+","task":"send_email","status":"added","state":null,"error":\{"code":null,"message":"Interrupted\."\}\}/,
    )

    await using other = await createTestDatabase()
    const url = ['--database-url', other.connectionString]
    const waiting = (longest: string): Promise<Spoken> =>
      perform(['add', 'far', '--any-task', '--wait', longest, '--json', ...url])
    await other.pool.query('alter table kongtask.workers rename column info to gone')
    const unlooked = await waiting('1ms')
    expect([unlooked.exitCode, unlooked.stderr]).toEqual([3, ''])
    expect(JSON.parse(unlooked.stdout)).toMatchObject({
      status: 'added',
      error: { code: 'KT_RESULT_TIMEOUT' },
    })

    await other.pool.query('alter function kongtask.read_ends rename to gone')
    const { exitCode, stdout, stderr } = await waiting('1h')
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      id: expect.stringMatching(/^\d+$/),
      status: 'added',
      state: null,
    })
    const [told, failure]: { error: Record<string, unknown> }[] = [stdout, stderr].map((text) =>
      JSON.parse(text),
    )
    expect(told?.error).toEqual({ code: failure?.error['code'], message: failure?.error['message'] })
  })

  it.each([
    [['send_emial'], 'KT_TASK_UNKNOWN', /no task "send_emial"\. Did you mean "send_email"\?/],
    [['send_email', '--payload', '{"to":5}'], 'KT_PAYLOAD_INVALID', /to: must be text/],
    [['send_email', '--payload', '{to:5}'], 'KT_PAYLOAD_NOT_JSON', /In a shell, put it in single quotes/],
    [['send_email', '--payload', '@nowhere.json'], 'KT_OPTION_INVALID', /nowhere\.json/],
    [['beside', '--payload', '{"to":5}'], 'KT_PAYLOAD_INVALID', /to: must be text/],
    [
      ['send_email', '--payload', '{"to":"a","id":9007199254740993}'],
      'KT_PAYLOAD_NOT_JSON',
      /9007199254740993, which would become 9007199254740992/,
    ],
    [['else', '--any-task', '--payload', '[9007199254740993]'], 'KT_PAYLOAD_NOT_JSON', /9007199254740993/],
    [
      ['send_email', '--priority', '16'],
      'KT_OPTION_INVALID',
      /`priority` must be a whole number from 0 to 15, not 16/,
    ],
    [['send_email', '--scheduled-in', 'soon'], 'KT_DURATION_INVALID', /`scheduledIn`: "soon"/],
    [['send_email', '--uniq-key', 'a'], 'KT_USAGE_INVALID', /Did you mean --unique-key\?/],
    [[], 'KT_USAGE_INVALID', /Missing required argument 'task'/],
  ])('%j is refused with %s, and nothing is added', async (args, code, message) => {
    const before = (await kong.jobs.list()).jobs.length
    const { exitCode, stdout, stderr } = await run(['add', ...args, '--json'])
    expect([exitCode, stdout]).toEqual([2, ''])
    const { error }: { error: { code: string; message: string } } = JSON.parse(stderr)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect((await kong.jobs.list()).jobs).toHaveLength(before)
  })
})
