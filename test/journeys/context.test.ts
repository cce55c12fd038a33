import { Writable } from 'node:stream'
import { defineTask, handle, type JobContext, type TaskFunction } from 'kongtask'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import winston from 'winston'
import { deferred } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

/** Runs one job of the task `work` with this handler, and answers its id. */
async function perform(
  handler: TaskFunction,
  { payload = {}, logger }: { payload?: unknown; logger?: object } = {},
): Promise<string> {
  const runner = await app.run({ work: handler }, logger === undefined ? {} : { logger })
  const done = settled(runner, 1)
  const { id } = await Reflect.apply(app.kong.addJob, undefined, ['work', payload])
  const [event] = await done
  if (event?.settlement.kind !== 'completed')
    throw new Error(`the job was ${JSON.stringify(event?.settlement)}`)
  await runner.stop()
  return String(id)
}

describe('the job in the context', () => {
  it('has every field', async () => {
    const seen: unknown[] = []
    const runner = await app.run({ work: (_, { job }) => void seen.push(job) }, { queues: { mail: 1 } })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob(
      'work',
      { to: 'ada' },
      {
        queue: 'mail',
        priority: 3,
        maxAttempts: 7,
        tags: ['x', 'y'],
        metadata: { tenant: 5 },
        timeout: '1m',
      },
    )
    await done
    expect(seen).toEqual([
      {
        id,
        task: 'work',
        queue: 'mail',
        payload: { to: 'ada' },
        state: 'running',
        attempt: 1,
        maxAttempts: 7,
        priority: 3,
        scheduledAt: expect.any(Date),
        createdAt: expect.any(Date),
        finishedAt: undefined,
        tags: ['x', 'y'],
        flags: [],
        snoozes: 0,
        version: 1,
        encryptionKey: undefined,
        isSealed: false,
        parentId: undefined,
        rootId: id,
        uniqueKey: undefined,
        serialKey: undefined,
        concurrency: undefined,
        rateLimit: undefined,
        metadata: { tenant: 5 },
        errors: [],
        result: undefined,
      },
    ])
    const stored = await app.job(id)
    expect(seen).toMatchObject([{ createdAt: stored.createdAt, scheduledAt: stored.scheduledAt }])
  })

  it('has the queue by name even where the queue is new to the runner', async () => {
    const queues: string[] = []
    const runner = await app.run({ work: (_, { job }) => void queues.push(job.queue) })
    const done = settled(runner, 1)
    await app.kong.addJob('work', {}, { queue: 'brand-new' })
    await done
    expect(queues).toEqual(['brand-new'])
  })
})

describe('the context', () => {
  it('may be taken apart, and its parts called later', async () => {
    const parts = deferred<JobContext>()
    const runner = await app.run({
      work: (
        _,
        {
          job,
          signal,
          logger,
          addJob,
          addJobs,
          pool,
          withTransaction,
          with: on,
          complete,
          step,
          sleep,
          progress,
          rawPayload,
        },
      ) =>
        parts.resolve({
          job,
          signal,
          logger,
          addJob,
          addJobs,
          pool,
          withTransaction,
          with: on,
          complete,
          step,
          sleep,
          progress,
          rawPayload,
        }),
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await done
    const { addJob, addJobs, withTransaction, with: on, progress, logger, signal, pool } = await parts.promise
    progress(1, 2)
    logger.info('hello')
    await addJob('other')
    await addJobs([{ task: 'other' }])
    await withTransaction(async (tx) => void (await on(tx).addJob('other')))
    await pool.query('select 1')
    expect(await app.states()).toEqual({ completed: 1, ready: 3 })
    expect(signal.aborted).toBe(false)
  })

  it('has the payload as the database prints it', async () => {
    const texts: unknown[] = []
    await perform((payload, { rawPayload }) => void texts.push(payload, rawPayload), {
      payload: { b: [1, 2], a: 'ä\n"' },
    })
    expect(texts).toEqual([{ a: 'ä\n"', b: [1, 2] }, '{"a": "ä\\n\\"", "b": [1, 2]}'])
  })

  it('tells of progress', async () => {
    const runner = await app.run({
      work: (_, { progress }) => {
        progress(1, 3)
        progress(3, 3, 'all of them')
      },
    })
    const seen: unknown[] = []
    runner.on('job.progress', (event) => seen.push(event))
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    await done
    expect(seen).toMatchObject([
      { job: { id, task: 'work' }, done: 1, total: 3, note: undefined },
      { job: { id }, done: 3, total: 3, note: 'all of them' },
    ])
  })

  it('adds jobs that are there whatever becomes of the attempt', async () => {
    const runner = await app.run({
      work: async (_, { addJob }) => {
        await addJob('other', 'kept')
        throw new Error('no')
      },
    })
    const failed = once(runner, 'job.failed')
    await app.kong.addJob('work', {}, { maxAttempts: 1 })
    await failed
    expect(await app.states()).toEqual({ dead: 1, ready: 1 })
  })

  it('refuses bad jobs as a client does', async () => {
    const caught: unknown[] = []
    await perform(async (_, { addJob }) => {
      await addJob('other', {}, { priority: 99 }).catch((error: unknown) => caught.push(error))
    })
    expect(caught).toMatchObject([{ code: 'KT_OPTION_INVALID' }])
  })

  it('checks payloads of contracts when a handler adds them', async () => {
    const { z } = await import('zod')
    const other = defineTask('other', { payload: z.object({ to: z.string() }) })
    const caught: unknown[] = []
    await perform(async (_, { addJob }) => {
      await Reflect.apply(addJob, undefined, [other, { to: 5 }]).catch((error: unknown) => caught.push(error))
      await addJob(other, { to: 'ada' })
    })
    expect(caught).toMatchObject([{ code: 'KT_PAYLOAD_INVALID' }])
    expect(await app.states()).toEqual({ completed: 1, ready: 1 })
  })
})

describe('a transaction of a handler', () => {
  it('is committed when its work returns, jobs and all', async () => {
    await app.query('create table effects (id int)')
    const answers: unknown[] = []
    await perform(async (_, { withTransaction, with: on }) => {
      const answer = await withTransaction(async (tx) => {
        await tx.query('insert into effects values ($1)', [1])
        await on(tx).addJob('other')
        return 'the answer'
      })
      answers.push(answer)
    })
    expect(answers).toEqual(['the answer'])
    expect(await app.query('select id from effects')).toEqual([{ id: 1 }])
    expect(await app.states()).toEqual({ completed: 1, ready: 1 })
    await app.query('drop table effects')
  })

  it('is rolled back when its work throws, jobs and all', async () => {
    await app.query('create table effects (id int)')
    const caught: unknown[] = []
    await perform(async (_, { withTransaction, with: on }) => {
      const work = withTransaction(async (tx) => {
        await tx.query('insert into effects values (1)')
        await on(tx).addJob('other')
        throw new RangeError('no')
      })
      await work.catch((error: unknown) => caught.push(error))
    })
    expect(caught).toEqual([new RangeError('no')])
    expect(await app.query('select id from effects')).toEqual([])
    expect(await app.states()).toEqual({ completed: 1 })
    await app.query('drop table effects')
  })

  it('gives its connection back, also when a statement failed', async () => {
    const { pool } = app.database
    await perform(async (_, { withTransaction }) => {
      for (let n = 0; n < 25; n++) {
        await withTransaction((tx) => tx.query('select 1 / 0')).catch(() => undefined)
      }
    })
    expect([pool.totalCount - pool.idleCount, pool.waitingCount]).toEqual([0, 0])
  })

  it('must be one: the pool is refused', async () => {
    const caught: unknown[] = []
    await perform((_, { with: on, pool }) => {
      try {
        // @ts-expect-error the compiler refuses it as well
        on(pool)
      } catch (error) {
        caught.push(error)
      }
    })
    expect(caught).toMatchObject([{ code: 'KT_NOT_A_TRANSACTION' }])
  })
})

describe('the pool', () => {
  it('answers queries and lends connections', async () => {
    const answers: unknown[] = []
    await perform(async (_, { pool }) => {
      const { rows } = await pool.query<{ n: number }>('select $1::int as n', [5])
      const client = await pool.connect()
      try {
        answers.push(...rows, ...(await client.query('select 6 as n')).rows)
      } finally {
        client.release()
      }
    })
    expect(answers).toEqual([{ n: 5 }, { n: 6 }])
  })

  it('may be used up by handlers, and the runner works on', async () => {
    const { pool } = app.database
    const runner = await app.run(
      {
        hold: async (_, { pool: own }) => {
          const client = await own.connect()
          try {
            await client.query('select 1')
          } finally {
            client.release()
          }
        },
      },
      { concurrency: pool.options.max * 3 },
    )
    const done = settled(runner, 90)
    await app.kong.addJobs(Array.from({ length: 90 }, () => ({ task: 'hold' })))
    expect(await done).toHaveLength(90)
  })
})

describe('what a handler logs', () => {
  const log: TaskFunction = (_, { logger }) => {
    logger.debug('a detail', { n: 1 })
    logger.info('a fact')
    logger.warn('careful', { jobId: 'cannot be overwritten' })
    logger.error('it broke', { error: 'E' })
  }
  const own = { task: 'work', queue: 'default', attempt: 1 }

  class Lines extends Writable {
    readonly lines: Record<string, unknown>[] = []
    override _write(chunk: Buffer, _: unknown, done: () => void): void {
      for (const line of chunk.toString().trim().split('\n')) this.lines.push(JSON.parse(line))
      done()
    }
    /** What the handler logged, without what the runner says for itself. */
    of(id: string): Record<string, unknown>[] {
      return this.lines.filter(({ jobId }) => jobId === id)
    }
  }

  it('reaches pino with its fields', async () => {
    const lines = new Lines()
    const id = await perform(log, { logger: pino({ level: 'debug' }, lines) })
    expect(lines.of(id)).toMatchObject([
      { level: 20, msg: 'a detail', n: 1, jobId: id, ...own },
      { level: 30, msg: 'a fact', ...own },
      { level: 40, msg: 'careful', jobId: id, ...own },
      { level: 50, msg: 'it broke', error: 'E', ...own },
    ])
  })

  it('reaches winston with its fields', async () => {
    const lines = new Lines()
    const logger = winston.createLogger({
      level: 'debug',
      format: winston.format.json(),
      transports: [new winston.transports.Stream({ stream: lines })],
    })
    const id = await perform(log, { logger })
    expect(lines.of(id)).toMatchObject([
      { level: 'debug', message: 'a detail', n: 1, jobId: id, ...own },
      { level: 'info', message: 'a fact', ...own },
      { level: 'warn', message: 'careful', jobId: id, ...own },
      { level: 'error', message: 'it broke', error: 'E', ...own },
    ])
  })

  it('reaches a console as message and fields', async () => {
    const calls: unknown[][] = []
    const level =
      (name: string) =>
      (...parts: unknown[]): void =>
        void calls.push([name, ...parts])
    const logger = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
    const id = await perform(log, { logger })
    const ofJob = calls.filter(([, , fields]) => JSON.stringify(fields ?? {}).includes(`"jobId":"${id}"`))
    expect(ofJob).toEqual([
      ['debug', 'a detail', { n: 1, jobId: id, ...own }],
      ['info', 'a fact', { jobId: id, ...own }],
      ['warn', 'careful', { jobId: id, ...own }],
      ['error', 'it broke', { error: 'E', jobId: id, ...own }],
    ])
  })

  it('harms no job where the logger throws', async () => {
    const fail = (): never => {
      throw new Error('the disk is full')
    }
    const warnings: string[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', onWarning)
    await perform(log, { logger: { debug: fail, info: fail, warn: fail, error: fail } })
    process.off('warning', onWarning)
    expect(warnings.join()).toContain('the disk is full')
  })
})

describe('forms of a task', () => {
  it('a class instance is called as its method, with what was injected', async () => {
    class Mailer {
      readonly name = 'mail'
      readonly sent: unknown[] = []
      readonly #sender: string
      constructor(sender: string) {
        this.#sender = sender
      }
      async handle(payload: { to: string }): Promise<void> {
        this.sent.push([this.#sender, payload.to])
      }
    }
    const mailer = new Mailer('kong')
    const runner = await app.run([mailer])
    const done = settled(runner, 1)
    await app.kong.addJob('mail', { to: 'ada' })
    await done
    expect(mailer.sent).toEqual([['kong', 'ada']])
  })

  it('a contract with a function, and its defaults, which adding by name uses', async () => {
    const mail = defineTask('mail', {
      queue: 'email',
      maxAttempts: 3,
      priority: 4,
      timeout: '9s',
      retain: '2h',
    })
    const runner = await app.run([handle(mail, () => 'sent')])
    const done = settled(runner, 2)
    const byName = await app.kong.addJob('mail')
    const byTask = await app.kong.addJob(mail)
    await done
    for (const { id } of [byName, byTask]) {
      expect(await app.job(id)).toMatchObject({ queue: 'email', maxAttempts: 3, priority: 4, result: 'sent' })
    }
    expect(
      await app.query(`select distinct extras ->> 'timeout' as timeout, expires_at - finished_at = '2 h' as kept
        from kongtask.history`),
    ).toEqual([{ timeout: '9000', kept: true }])
  })
})
