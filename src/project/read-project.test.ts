import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProblemsError } from './problems.ts'
import { readProject, type ProjectRequest } from './read-project.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-config-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function write(name: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true })
  await writeFile(join(folder, name), content)
}

const read = (request: Partial<ProjectRequest> = {}) => readProject({ cwd: folder, env: {}, ...request })

async function problemsOf(request: Partial<ProjectRequest> = {}): Promise<string[]> {
  const error = await read(request).catch((thrown: unknown) => thrown)
  if (!(error instanceof ProblemsError)) throw new Error(`It came to ${String(error)}.`)
  expect(error.code).toBe('KT_CONFIG_INVALID')
  return error.problems.map(({ source, path, why }) => `${source} | ${path} | ${why}`)
}

describe('readProject', () => {
  it('lets the flag win, then KONGTASK_…, then the file, then what others read', async () => {
    const flags = new Map([['schema', { flag: '--schema', text: 'of_flag' }]])
    const env = {
      KONGTASK_SCHEMA: 'of_variable',
      KONGTASK_CONCURRENCY: '2',
      GRAPHILE_WORKER_SCHEMA: 'of_another',
      DATABASE_URL: 'postgres://a/b',
      PGHOST: 'c',
    }
    await write(
      'kongtask.config.mjs',
      `export default { schema: 'of_file', concurrency: 3, pollInterval: '3s', connectionString: 'postgres://of/file' }`,
    )
    expect(await read({ flags, env })).toMatchObject({
      folder,
      settings: {
        schema: 'of_flag',
        concurrency: 2,
        pollInterval: '3s',
        connectionString: 'postgres://of/file',
      },
      sources: expect.arrayContaining([
        { name: 'schema', source: '--schema' },
        { name: 'concurrency', source: 'KONGTASK_CONCURRENCY' },
        { name: 'pollInterval', source: 'kongtask.config.mjs' },
      ]),
    })
    expect((await read({ env })).settings.schema).toBe('of_variable')
  })

  it.each([
    [{ DATABASE_URL: 'postgres://a/b', PGHOST: 'c' }, 'postgres://a/b', 'DATABASE_URL'],
    [{ PGHOST: 'c', PGDATABASE: 'd' }, 'postgresql://', 'PGHOST, PGDATABASE'],
    [
      { KONGTASK_DATABASE_URL: 'postgres://k/b', DATABASE_URL: 'postgres://a/b' },
      'postgres://k/b',
      'KONGTASK_DATABASE_URL',
    ],
    [{ KONGTASK_DATABASE_URL: '', DATABASE_URL: 'postgres://a/b' }, 'postgres://a/b', 'DATABASE_URL'],
  ])('finds the database by %j', async (env, connectionString, source) => {
    const { settings, sources } = await read({ env })
    expect(settings).toEqual({ connectionString })
    expect(sources).toEqual([{ name: 'connectionString', source }])
  })

  it.each([
    [
      { DATABASE_URL: 'file:./dev.db', GRAPHILE_WORKER_SCHEMA: 'Not One' },
      {},
      ['DATABASE_URL', 'GRAPHILE_WORKER_SCHEMA'],
    ],
    [
      { DATABASE_URL: 'mysql://me:secret@host/db', PGHOST: 'c' },
      { connectionString: 'postgresql://' },
      ['DATABASE_URL'],
    ],
    [
      { DATABASE_URL: 'mysql://me:secret@host/db', KONGTASK_DATABASE_URL: 'postgres://k/b' },
      { connectionString: 'postgres://k/b' },
      [],
    ],
  ])(
    'leaves out what it cannot use of %j, and says so where nothing else is said',
    async (env, settings, left) => {
      const found = await read({ env })
      expect(found.settings).toEqual(settings)
      expect(found.warnings.map((line) => line.split(' is left out. ')[0])).toEqual(left)
      expect(found.warnings.join()).not.toContain('secret')
    },
  )

  it('takes no direct way to another database', async () => {
    await write(
      'kongtask.config.mjs',
      `export default { connectionString: 'postgres://of/file', directConnectionString: 'postgres://direct/file' }`,
    )
    const flags = new Map([['connectionString', { flag: '--database-url', text: 'postgres://of/flag' }]])
    const { settings, sources, warnings } = await read({ flags })
    expect(settings).toEqual({ connectionString: 'postgres://of/flag' })
    expect(sources).toEqual([{ name: 'connectionString', source: '--database-url' }])
    expect(warnings).toEqual([
      '`directConnectionString` of kongtask.config.mjs is left out: --database-url says which database it is.',
    ])
    const env = {
      KONGTASK_DATABASE_URL: 'postgres://k/b',
      KONGTASK_DIRECT_DATABASE_URL: 'postgres://direct/b',
    }
    expect(await read({ env })).toMatchObject({
      settings: { connectionString: 'postgres://k/b', directConnectionString: 'postgres://direct/b' },
      warnings: [],
    })
  })

  it('takes the schema that graphile-worker was told, where nobody says more', async () => {
    expect((await read({ env: { GRAPHILE_WORKER_SCHEMA: 'jobs' } })).settings.schema).toBe('jobs')
  })

  it('finds the file above, and counts its paths from there, those of variables from here', async () => {
    await write('kongtask.config.mjs', `export default { tasks: 'src/tasks' }`)
    await mkdir(join(folder, 'a/b'), { recursive: true })
    const here = join(folder, 'a/b')
    const { configFile, settings } = await read({ cwd: here, env: { KONGTASK_CRONTAB_FILE: 'times' } })
    expect(configFile).toBe(join(folder, 'kongtask.config.mjs'))
    expect(settings).toEqual({ tasks: join(folder, 'src/tasks'), crontabFile: join(here, 'times') })
  })

  it('knows the usual places of tasks and crontab', async () => {
    await write('tasks/a.mjs', '')
    await write('crontab', '')
    expect((await read()).settings).toEqual({
      tasks: join(folder, 'tasks'),
      crontabFile: join(folder, 'crontab'),
    })
    await write('kongtask.config.mjs', `export default { crontab: '0 8 * * * a' }`)
    expect((await read()).settings).toEqual({ tasks: join(folder, 'tasks'), crontab: '0 8 * * * a' })
  })

  it('tells everything that is wrong at once, each with its place', async () => {
    await write(
      'kongtask.config.mjs',
      `export default {
  connectionString: 'mysql://me:secret@host/db',
  schema: 'My Jobs',
  queues: { mail: { concurrency: 'many' }, 'a b': 1, reports: 0, slow: { concurency: 2 } },
  concurrency: 10_001,
  gracePerod: '1m',
  pollInterval: '0s',
  keepLogs: '36d',
  storeLogs: 'loud',
  migrate: 'yes',
  forbiddenFlags: 'slow',
  middleware: [1],
  logger: {},
  encryption: { keys: {} },
  tasks: [1],
  crontab: '61 * * * * a',
  schedules: ['daily'],
}`,
    )
    const env = { KONGTASK_CONCURRENCY: '0', KONGTASK_QUEUES: 'mail=x', KONGTASK_MIGRATE: 'perhaps' }
    const found = await problemsOf({
      env,
      flags: new Map([['concurrency', { flag: '--concurrency', text: 'x' }]]),
    })
    expect(found.map((line) => line.split(' | ').slice(0, 2).join(' '))).toEqual(
      [
        'gracePerod',
        'connectionString',
        'schema',
        'queues.mail.concurrency',
        'queues.a b',
        'queues.reports',
        'queues.slow.concurency',
        'concurrency',
        'pollInterval',
        'keepLogs',
        'storeLogs',
        'migrate',
        'forbiddenFlags',
        'middleware',
        'logger',
        'encryption',
        'tasks',
        'crontab',
        'schedules',
      ]
        .map((path) => `kongtask.config.mjs ${path}`)
        .concat('KONGTASK_QUEUES mail', 'KONGTASK_CONCURRENCY ', 'KONGTASK_MIGRATE ', '--concurrency '),
    )
    expect(found.join('\n')).not.toContain('secret')
    expect(found[0]).toContain('Did you mean "gracePeriod"?')
    expect(found[3]).toBe(
      'kongtask.config.mjs | queues.mail.concurrency | `queues.mail.concurrency` must be a whole number from 1 to 10000, not "many".',
    )
  })

  it.each([
    ['export default 5', /must have the configuration as its default export.*It has 5\./],
    ['export const config = {}', /It has undefined\./],
    ['export default (', /^kongtask\.config\.mjs \| {2}\| cannot be loaded\. /],
    [`throw new Error('no such secret')`, /cannot be loaded\. no such secret/],
  ])('says what is wrong with a file that is %j', async (content, message) => {
    await write('kongtask.config.mjs', content)
    expect(await problemsOf()).toEqual([expect.stringMatching(message)])
  })

  it('takes the file that is named, and says where there is none', async () => {
    await write('other.mjs', `export default { schema: 'other' }`)
    await write('kongtask.config.mjs', `export default { schema: 'usual' }`)
    expect((await read({ configFile: 'other.mjs' })).settings.schema).toBe('other')
    expect((await read({ env: { KONGTASK_CONFIG: 'other.mjs' } })).settings.schema).toBe('other')
    expect(await problemsOf({ configFile: 'nowhere.ts' })).toEqual(['nowhere.ts |  | There is no such file.'])
  })

  it('warns of a variable that is nearly called like one of ours, and leaves others alone', async () => {
    const env = { KONGTASK_CONCURENCY: '1', KONGTASK_PORT_80_TCP: 'tcp://10.0.0.1:80', KONGTASK_JOB_ID: '1' }
    expect((await read({ env })).warnings).toEqual([
      'KONGTASK_CONCURENCY is not read by anybody. Did you mean KONGTASK_CONCURRENCY?',
    ])
  })
})
