import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTask, PermanentError, runTaskListOnce } from 'kongtask'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { environment, PROGRAM } from '../cli/pty.ts'
import { perform, type Spoken } from '../cli/streams.ts'
import { root } from '../docs/snippets.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { line } from './job-line-schema.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-file-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function fileOf(...lines: readonly string[]): Promise<string> {
  const file = join(folder, `${++files}.ndjson`)
  await writeFile(file, lines.map((text) => `${text}\n`).join(''))
  return file
}

const run = ({ connectionString }: TestDatabase, ...args: string[]): Promise<Spoken> =>
  perform([...args, '--database-url', connectionString])
const linesOf = (text: string): string[] => text.split('\n').filter((each) => each !== '')
const count = async ({ pool }: TestDatabase): Promise<number> =>
  (await pool.query('select from kongtask.jobs')).rows.length

/** A job of every kind; the handler of `fail` fails for good. */
async function filled(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  const kong = new KongTask({ pool: database.pool })
  await kong.addJob('fail', { to: 'ada' }, { queue: 'mail', tags: ['a'] })
  await kong.addJob('done', { of: 1 })
  await runTaskListOnce(
    {
      done: () => 1,
      fail: () => {
        throw new PermanentError('no such user')
      },
    },
    { pool: database.pool },
  )
  for (const n of [1, 2, 3]) await kong.addJob('charge', { n }, { serialKey: 'account', queue: 'billing' })
  await kong.addJob(
    'report',
    { of: 'may' },
    {
      scheduledAt: '2100-01-01T06:00:00Z',
      uniqueKey: 'may',
      priority: 3,
      maxAttempts: 7,
      timeout: '5m',
      retain: { finished: '1h', dead: '30d' },
      tags: ['a', 'b'],
      flags: ['slow'],
      metadata: { by: 'ada' },
      concurrency: { limit: 2, by: 'of' },
      rateLimit: { limit: 5, per: '1m' },
    },
  )
  await database.pool.query(
    `select kongtask.add_job('exact', '{"n": 12345678901234567890}', '{"version": 3}')`,
  )
  return database
}

describe('kongtask export and import json', () => {
  it('bring a job elsewhere with all it has, in order, and once', async () => {
    await using from = await filled()
    await using to = await createTestDatabase()
    const { stdout, stderr, exitCode } = await run(from, 'export')
    expect([stderr, exitCode]).toEqual(['', 0])
    const exported = linesOf(stdout)
    expect(exported).toHaveLength(5)
    for (const text of exported) line.parse(JSON.parse(text))
    const file = await fileOf(...exported)
    expect(await run(to, 'import', 'json', file)).toMatchObject({ exitCode: 0, stderr: '' })

    const again = linesOf((await run(to, 'export')).stdout)
    // What is due is due from now on.
    const bare = (text: string): object => {
      const { scheduledAt, ...rest } = line.parse(JSON.parse(text))
      return { ...rest, from: '', id: '', scheduledAt: rest.state === 'ready' ? '' : scheduledAt }
    }
    expect(again.map(bare)).toEqual(exported.map(bare))
    expect(again.find((text) => text.includes('"exact"'))).toContain('"payload":{"n": 12345678901234567890}}')
    const charged: unknown[] = []
    await runTaskListOnce({ charge: (payload) => void charged.push(payload) }, { pool: to.pool })
    expect(charged).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])

    const second = await run(to, 'import', 'json', file)
    expect(second.stdout).toMatch(/^0 jobs moved; 5 came before\.$/m)
    expect(await count(to)).toBe(2)
  })

  it('export those that fit, of the states that are asked for', async () => {
    await using database = await filled()
    const tasksOf = async (...args: string[]): Promise<string[]> =>
      linesOf((await run(database, 'export', ...args)).stdout).map(
        (text) => line.parse(JSON.parse(text)).task,
      )
    expect(await tasksOf('--state', 'dead')).toEqual(['fail'])
    expect(await tasksOf('--state', 'completed,cancelled')).toEqual(['done'])
    expect((await tasksOf('--all')).toSorted()).toEqual([
      'charge',
      'charge',
      'charge',
      'done',
      'exact',
      'fail',
      'report',
    ])
    expect(await tasksOf('--queue', 'billing')).toEqual(['charge', 'charge', 'charge'])
    expect(await tasksOf('--tag', 'b')).toEqual(['report'])
    expect((await run(database, 'export', '--all', '--state', 'dead')).stderr).toMatch(/^KT_USAGE_INVALID/)
  })

  it('export more than a page, each job once', async () => {
    await using database = await createTestDatabase()
    await database.pool.query(`
      select kongtask.add_jobs(jsonb_agg(jsonb_build_object('task', 't', 'queue', 'q' || n % 3, 'payload', n)))
        from generate_series(1, 1201) as n`)
    const payloads = linesOf((await run(database, 'export')).stdout).map(
      (text) => line.parse(JSON.parse(text)).payload,
    )
    expect(payloads).toHaveLength(1_201)
    expect(new Set(payloads).size).toBe(1_201)
  })

  it('runs dead letters again where that is asked for, and leaves what is over or ran', async () => {
    await using from = await filled()
    await using to = await createTestDatabase()
    const dead = await fileOf(...linesOf((await run(from, 'export', '--state', 'dead')).stdout))
    const left = await run(to, 'import', 'json', dead)
    expect(left.exitCode).toBe(3)
    expect(left.stdout).toMatch(/^✗ fail: it is a dead letter: --redrive runs it again/m)
    expect((await run(to, 'import', 'json', dead, '--redrive')).stdout).toMatch(/^1 job moved\.$/m)
    const kong = new KongTask({ pool: to.pool })
    expect((await kong.jobs.list({ task: 'fail' })).jobs).toMatchObject([
      { state: 'ready', attempt: 0, errors: [], queue: 'mail', payload: { to: 'ada' } },
    ])
    const over = await fileOf('{"task":"a","state":"completed"}', '{"task":"b","state":"running","id":"7"}')
    const { stdout } = await run(to, 'import', 'json', over, '--json')
    expect(linesOf(stdout).map((text) => JSON.parse(text))).toEqual([
      { id: 'line 1', task: 'a', outcome: 'left', notes: ['it is over (completed)'] },
      { id: '7', task: 'b', outcome: 'left', notes: ['it ran when it was exported, and may be over by now'] },
      expect.objectContaining({ moved: 0, left: 2 }),
    ])
  })

  it('looks at every line before it writes anything, and names each that is wrong', async () => {
    await using database = await createTestDatabase()
    const file = await fileOf(
      '{"task":"fine"}',
      '{"task":"two words"}',
      '',
      'nonsense',
      '[]',
      '{"task":"a","priority":99}',
      '{"task":"a","colour":1}',
      '{"task":"a","payload":"\\u0000"}',
      '{"task":"a","format":"kongtask.job/2"}',
      '{"task":"a","state":"gone"}',
    )
    const { stderr, exitCode } = await run(database, 'import', 'json', file)
    expect(exitCode).toBe(2)
    const said = linesOf(stderr).map((text) => /^ {2}(line \d+: KT_\w+)/.exec(text)?.[1])
    expect(said.filter((text) => text !== undefined)).toEqual([
      'line 2: KT_NAME_INVALID',
      'line 4: KT_PAYLOAD_NOT_JSON',
      'line 5: KT_PAYLOAD_NOT_JSON',
      'line 6: KT_OPTION_INVALID',
      'line 7: KT_OPTION_UNKNOWN',
      'line 8: KT_PAYLOAD_NOT_JSON',
      'line 9: KT_OPTION_INVALID',
      'line 10: KT_OPTION_INVALID',
    ])
    expect(await count(database)).toBe(0)
    expect((await run(database, 'import', 'json', join(folder, 'nowhere'))).stderr).toMatch(
      /^KT_FILE_UNUSABLE: ".*nowhere" cannot be read: ENOENT/,
    )
  })

  it('takes lines that somebody wrote by hand, with another name for a task and a queue', async () => {
    await using database = await createTestDatabase()
    const file = await fileOf(
      '{"task":"two words","payload":{"n":1}}',
      '{"task":"b","id":"1","queue":"mail"}',
    )
    const renames = ['--task', 'two words=b', '--queue', 'mail=post']
    expect((await run(database, 'import', 'json', file, ...renames, '--dry-run')).stdout).toMatch(
      /^2 jobs would move\. Nothing was changed\.$/m,
    )
    expect(await count(database)).toBe(0)
    await run(database, 'import', 'json', file, ...renames)
    // One of them has an id.
    expect((await run(database, 'import', 'json', file, ...renames)).stdout).toMatch(
      /^1 job moved; 1 came before\.$/m,
    )
    const kong = new KongTask({ pool: database.pool })
    const { jobs } = await kong.jobs.list({ task: 'b' })
    expect(jobs.map(({ queue }) => queue)).toEqual(['default', 'post', 'default'])
  })

  it('writes to a new file, and overwrites none', async () => {
    await using database = await filled()
    const file = join(folder, 'out.ndjson')
    const { stdout } = await run(database, 'export', '--output', file, '--json')
    expect(JSON.parse(stdout)).toEqual({ file, jobs: 5 })
    expect(linesOf(await readFile(file, 'utf8'))).toHaveLength(5)
    const second = await run(database, 'export', '--output', file)
    expect(second.stderr).toMatch(/^KT_FILE_UNUSABLE: .* cannot be made: EEXIST/)
    expect(second.exitCode).toBe(2)
  })

  it('leaves no file that was written in part', async () => {
    await using database = await createTestDatabase()
    const text = 'x'.repeat(1_000)
    await new KongTask({ pool: database.pool }).addJobs(
      Array.from({ length: 40 }, () => ({ task: 'a', payload: { text } })),
    )
    const target = await mkdtemp(join(folder, 'full-'))
    const args = [
      'export',
      '--output',
      join(target, 'out.ndjson'),
      '--database-url',
      database.connectionString,
    ]
    // No file may become larger than 16 blocks, as on a disk that is full: a write is done in part, the next one fails.
    const limited = promisify(execFile)(
      'sh',
      ['-c', 'ulimit -f 16 && exec "$@"', 'sh', process.execPath, ...PROGRAM, ...args],
      { env: environment() },
    )
    await expect(limited).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^KT_FILE_UNUSABLE: .*out\.ndjson" cannot be written: EFBIG/),
    })
    expect(await readdir(target)).toEqual([])
  })

  it('takes for another job one whose id has begun anew', async () => {
    await using database = await createTestDatabase()
    const jobAt = (createdAt: string): string =>
      `{"from":"kongtask:1/a","id":"1","task":"a","createdAt":"${createdAt}"}`
    const before = await fileOf(jobAt('2026-01-01T00:00:00.000Z'))
    const anew = await fileOf(jobAt('2026-02-01T00:00:00.000Z'))
    await run(database, 'import', 'json', before)
    expect((await run(database, 'import', 'json', anew)).stdout).toMatch(/^1 job moved\.$/m)
    const again = await fileOf(jobAt('2026-02-01T01:00:00+01:00'))
    expect((await run(database, 'import', 'json', again)).stdout).toMatch(/^0 jobs moved; 1 came before\.$/m)
  })

  it('brings along how long a dead letter is kept when it has run after all', async () => {
    await using from = await createTestDatabase()
    await using to = await createTestDatabase()
    await new KongTask({ pool: from.pool }).addJob('fail', {}, { retain: { finished: '1h', dead: '30d' } })
    const fail = (): never => {
      throw new PermanentError('no such user')
    }
    await runTaskListOnce({ fail }, { pool: from.pool })
    const file = await fileOf(...linesOf((await run(from, 'export', '--state', 'dead')).stdout))
    await run(to, 'import', 'json', file, '--redrive')
    const [again = ''] = linesOf((await run(to, 'export')).stdout)
    expect(line.parse(JSON.parse(again)).retain).toEqual({ finished: 3_600_000, dead: 30 * 86_400_000 })
  })

  it('keeps encrypted payloads encrypted, and whoever has the key reads them elsewhere', async () => {
    await using from = await createTestDatabase()
    await using to = await createTestDatabase()
    const encryption = { keys: { k1: Buffer.alloc(32, 7) }, current: 'k1' }
    await new KongTask({ pool: from.pool, encryption }).addJob('secret', { pin: 1234 })
    const exported = (await run(from, 'export')).stdout
    expect(exported).not.toContain('1234')
    const file = await fileOf(...linesOf(exported))
    expect((await run(to, 'import', 'json', file, '--task', 'secret=other')).stderr).toMatch(
      /^ {2}line 1: KT_OPTION_INVALID: Its payload is encrypted/m,
    )
    await run(to, 'import', 'json', file)
    const { jobs } = await new KongTask({ pool: to.pool, encryption }).jobs.list({ task: 'secret' })
    expect(jobs.map(({ payload }) => payload)).toEqual([{ pin: 1234 }])
  })

  it('docs/job-lines.schema.json says what the lines are', async () => {
    const text = await readFile(`${root}docs/job-lines.schema.json`, 'utf8')
    expect(JSON.parse(text)).toEqual(z.toJSONSchema(line))
  })
})
