import { RetryableError } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'
import { silent } from './journey-logger.ts'

const app = useJourney()

const messages = async (id: string): Promise<string[]> =>
  (await app.kong.jobs.logs(id, { limit: 1_000 })).map(({ message }) => message)

describe('what a handler logs', () => {
  it('is kept from warn on, by attempt, in order, and readable while the job runs', async () => {
    const end = deferred()
    await app.run({
      work: async (_, { logger, job }) => {
        logger.debug('a detail')
        logger.info('a fact')
        logger.warn(`careful in attempt ${job.attempt}`, { pages: 3 })
        logger.error('it broke')
        if (job.attempt === 1) throw new RetryableError('again', { retryIn: 0 })
        await end.promise
      },
    })
    const { id } = await app.kong.addJob('work')
    const lines = await eventually(async () => {
      const found = await app.kong.jobs.logs(id)
      expect(found).toHaveLength(4)
      return found
    })
    expect(lines).toEqual([
      {
        id: expect.any(String),
        at: expect.any(Date),
        attempt: 1,
        level: 'warn',
        message: 'careful in attempt 1',
        fields: { pages: 3 },
      },
      {
        id: expect.any(String),
        at: expect.any(Date),
        attempt: 1,
        level: 'error',
        message: 'it broke',
        fields: {},
      },
      {
        id: expect.any(String),
        at: expect.any(Date),
        attempt: 2,
        level: 'warn',
        message: 'careful in attempt 2',
        fields: { pages: 3 },
      },
      {
        id: expect.any(String),
        at: expect.any(Date),
        attempt: 2,
        level: 'error',
        message: 'it broke',
        fields: {},
      },
    ])
    expect(await app.kong.jobs.logs(id, { attempt: 2, limit: 1 })).toEqual([lines[2]])
    expect(await app.kong.jobs.logs(id, { after: lines[2]?.id ?? '' })).toEqual([lines[3]])
    for (const { at } of lines) expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(20_000)
    end.resolve()
  })

  it.each<readonly [storeLogs: 'off' | 'debug' | 'error', kept: readonly string[]]>([
    ['off', []],
    ['debug', ['d', 'i', 'w', 'e']],
    ['error', ['e']],
  ])('is kept as the runner says: %s', async (storeLogs, kept) => {
    const runner = await app.run(
      {
        work: (_, { logger }) => {
          logger.debug('d')
          logger.info('i')
          logger.warn('w')
          logger.error('e')
        },
      },
      { storeLogs },
    )
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    await runner.stop()
    expect(await messages(id)).toEqual(kept)
  })

  it('is kept for as long as the job says, else as the runner says; or not at all', async () => {
    const runner = await app.run({ work: (_, { logger }) => logger.warn('careful') }, { keepLogs: '2d' })
    const done = settled(runner, 4)
    const jobs = await app.kong.addJobs([
      { task: 'work' },
      { task: 'work', retain: { logs: '30d' } },
      { task: 'work', retain: { logs: '90d' } },
      { task: 'work', retain: { logs: false } },
    ])
    await done
    await runner.stop()
    const lines = await app.query(
      `select l.job_id::text as job, extract(epoch from l.expires_at - l.at) / 86400 as days,
              l.expires_at = h.until - interval '1 ms' as longest
         from kongtask.logs l, kongtask.logs_horizon h order by l.job_id`,
    )
    expect(
      lines.map(({ job, days, longest }) => [job, Math.round(Number(days) * 100) / 100, longest]),
    ).toEqual([
      [jobs[0]?.id, 2, false],
      [jobs[1]?.id, 30, false],
      // Between 35 and 36, by the time of day.
      [jobs[2]?.id, expect.closeTo(35.5, -0.1), true],
    ])
  })

  it('reaches the logger all the same', async () => {
    const heard: unknown[] = []
    const logger = {
      ...silent,
      warn: (message: string, fields: unknown) => void heard.push([message, fields]),
    }
    const runner = await app.run({ work: (_, ctx) => ctx.logger.warn('careful', { pages: 3 }) }, { logger })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    expect(heard).toMatchObject([['careful', { pages: 3, task: 'work' }]])
  })

  it('is cut behind a thousand lines, and says so', async () => {
    const runner = await app.run({
      work: (_, { logger }) => {
        for (let n = 1; n <= 1_500; n++) logger.warn(`line ${n}`)
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    await runner.stop()
    const lines = await messages(id)
    expect(lines).toHaveLength(1_000)
    expect(lines.slice(-2)).toEqual(['line 999', expect.stringContaining('this is the last line')])
  })

  it('is cut behind 256 KiB, and says so', async () => {
    const runner = await app.run({
      work: (_, { logger }) => {
        for (let n = 0; n < 100; n++) logger.warn('x'.repeat(8_000))
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    await runner.stop()
    const lines = await messages(id)
    expect(lines).toHaveLength(33)
    expect(lines.at(-1)).toContain('this is the last line')
  })

  it('is made storable, whatever it holds', async () => {
    const circle: Record<string, unknown> = { name: 'circle' }
    circle['itself'] = circle
    const runner = await app.run({
      work: (_, { logger }) => {
        logger.warn('zero \0 and half \ud800', { text: 'a\0b', big: 5n, nan: Number.NaN, at: new Date(0) })
        logger.warn('an error', { error: new RangeError('too far', { cause: 'x' }) })
        logger.warn('a circle', circle)
        logger.warn('a key', { 'a\0b': 1 })
        logger.warn('thrower', {
          get secret(): never {
            throw new Error('no')
          },
        })
        Reflect.apply((message: never) => logger.warn(message), undefined, [{ no: 'text' }])
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    await runner.stop()
    const lines = await app.kong.jobs.logs(id)
    expect(lines.map(({ message, fields }) => ({ message, fields }))).toMatchObject([
      {
        message: 'zero \\0 and half \ufffd',
        fields: { text: 'a\\0b', big: '5n', nan: 'NaN', at: '1970-01-01T00:00:00.000Z' },
      },
      { message: 'an error', fields: { error: { name: 'RangeError', message: 'too far', cause: 'x' } } },
      { message: 'a circle', fields: { name: 'circle' } },
      { message: 'a key', fields: { cut: expect.any(String) } },
      { message: 'thrower', fields: { cut: expect.any(String) } },
      { message: expect.any(String) },
    ])
  })

  it('fails no job where the database does not take it, and what is lost is counted', async () => {
    await app.query('alter table kongtask.logs add constraint refused check (message <> $$no$$)')
    const runner = await app.run({ work: (_, { logger }) => logger.warn('no') })
    const dropped = once(runner, 'worker.logs_dropped')
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    expect(await done).toMatchObject([{ settlement: { kind: 'completed' } }])
    expect(await dropped).toEqual({ lines: 1 })
    await runner.stop()
    await app.query('alter table kongtask.logs drop constraint refused')
  })

  it.each([
    [{ limit: 0 }, 'KT_OPTION_INVALID'],
    [{ after: 'x' }, 'KT_OPTION_INVALID'],
    [{ attempt: 0 }, 'KT_OPTION_INVALID'],
    [{ page: 1 }, 'KT_OPTION_UNKNOWN'],
  ])('is not asked for with %j', async (options, code) => {
    await expect(Reflect.apply(app.kong.jobs.logs, undefined, ['1', options])).rejects.toMatchObject({ code })
  })
})
