// docs/guide/, "When things go wrong".
import { createServer, type RequestListener } from 'node:http'
import { once as onceEvent } from 'node:events'
import { Writable } from 'node:stream'
import type { HandledTask, Job, KongTask, Runner, TaskFunction } from 'kongtask'
import { performJob } from 'kongtask/testing'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silent } from '../../journeys/journey-logger.ts'
import { settled, useJourney } from '../../journeys/journey.ts'
import { deferred, eventually } from '../../support/wait.ts'
import { guidePage, workOff } from './guide-page.ts'

const app = useJourney()

beforeAll(() =>
  app.query('create table orders (id int primary key, user_id int, total float8, currency text)'),
)
beforeEach(() => app.query('truncate orders'))

interface LocalServer extends AsyncDisposable {
  readonly url: string
}

async function listening(listener: RequestListener): Promise<LocalServer> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await onceEvent(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** How long after its last failure the job is to run again. Milliseconds. */
function delayOf({ scheduledAt, errors }: Job): number {
  return scheduledAt.getTime() - (errors.at(-1)?.at.getTime() ?? Number.NaN)
}

describe('docs/guide/errors.md', () => {
  it('tries again what may work later, when it is told to, and buries what never will', async () => {
    const { default: task } = await (
      await guidePage('errors')
    ).load<{ default: HandledTask }>('tasks/call_api.ts')
    await using server = await listening((request, response) => {
      response.writeHead(
        Number(request.url?.slice(1, 4)),
        request.url === '/429' ? { 'retry-after': '120' } : {},
      )
      response.end()
    })
    const closed = await listening(() => undefined)
    await closed[Symbol.asyncDispose]()
    const urls = [
      `${server.url}/200`,
      `${server.url}/503`,
      `${server.url}/429`,
      `${server.url}/404`,
      closed.url,
    ]
    const added = await app.kong.addJobs(urls.map((url) => ({ task: 'call_api', payload: { url } })))
    await workOff(app, [task])
    const [fine, down, busy, wrong, nobody] = await Promise.all(
      added.map(async ({ id }) => {
        const job = await app.job(id)
        return { ...job, delay: delayOf(job), error: job.errors[0] }
      }),
    )
    expect(fine).toMatchObject({ state: 'completed', result: { status: 200 } })
    expect(down).toMatchObject({ state: 'scheduled', error: { name: 'RetryableError' } })
    expect(busy).toMatchObject({ state: 'scheduled', error: { message: `GET ${urls[2]} answered 429` } })
    expect(Math.round((busy?.delay ?? Number.NaN) / 1_000)).toBe(120)
    expect(wrong).toMatchObject({ state: 'dead', attempt: 1, error: { name: 'PermanentError' } })
    expect(nobody).toMatchObject({ state: 'scheduled', error: { cause: { code: 'ECONNREFUSED' } } })
  })

  it('takes the prefixes of messages for what they say', async () => {
    const { default: legacy } = await (
      await guidePage('errors')
    ).load<{ default: TaskFunction }>('tasks/legacy_import.ts')
    const [bad, later] = await app.kong.addJobs([
      { task: 'legacy_import', payload: 'text' },
      { task: 'legacy_import', payload: { file: 1 } },
    ])
    await workOff(app, { legacy_import: legacy })
    expect(await app.job(bad?.id ?? '')).toMatchObject({ state: 'dead', attempt: 1 })
    expect(await app.job(later?.id ?? '')).toMatchObject({ state: 'scheduled', attempt: 1 })
  })
})

describe('docs/guide/retries.md', () => {
  interface ProcessItem {
    itemProcessor: (service: { process(id: string, signal: AbortSignal): Promise<unknown> }) => HandledTask
  }

  it('tries again with growing delays, keeps each error, and ends as a dead letter that can be brought back', async () => {
    const page = await guidePage('retries')
    const { itemProcessor } = await page.load<ProcessItem>('tasks/process_item.ts')
    const { redriveWorst } = await page.load<{ redriveWorst: (kong: KongTask) => Promise<unknown> }>(
      'dead-letters.ts',
    )
    let isDown = true
    const task = itemProcessor({
      process: async () => {
        if (isDown) throw new Error('connection refused')
        return { total: 7 }
      },
    })
    // A runner publishes what the contract says; who adds by name before that has the built-in defaults.
    await workOff(app, [task])
    const { id } = await app.kong.addJob('process_item', { id: 'i1' })
    const delays: number[] = []
    for (const attempt of [1, 2]) {
      await workOff(app, [task])
      const job = await app.job(id)
      expect(job).toMatchObject({ state: 'scheduled', attempt, maxAttempts: 3 })
      delays.push(delayOf(job))
      await app.kong.jobs.runNow(id)
    }
    expect(delays[1]).toBeGreaterThan((delays[0] ?? 0) * 1.5)
    await workOff(app, [task])
    const dead = await app.job(id)
    expect(dead.state).toBe('dead')
    expect(dead.errors).toMatchObject(
      [1, 2, 3].map((attempt) => ({
        attempt,
        message: 'processing i1',
        cause: { message: 'connection refused' },
      })),
    )

    expect(await redriveWorst(app.kong)).toMatchObject({ task: 'process_item', count: 1, changed: 1 })
    isDown = false
    await workOff(app, [task])
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: { total: 7 } })
    expect(await redriveWorst(app.kong)).toBeUndefined()
  })

  it('is done with what is not there, without a failure', async () => {
    const { itemProcessor } = await (await guidePage('retries')).load<ProcessItem>('tasks/process_item.ts')
    const task = itemProcessor({ process: () => Promise.resolve(undefined) })
    const { id } = await app.kong.addJob('process_item', { id: 'gone' })
    await workOff(app, [task])
    expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1, errors: [] })
    expect(await app.kong.jobs.logs(id)).toMatchObject([
      { message: 'Item not found, skipping', fields: { id: 'gone' } },
    ])
  })

  it('says the default as it is: 25 attempts, attempt⁴ seconds', async () => {
    const { id } = await app.kong.addJob('anything')
    expect((await app.job(id)).maxAttempts).toBe(25)
    const failing = {
      anything: () => {
        throw new Error('no')
      },
    }
    for (const attempt of [1, 2, 3, 4]) {
      const { settlement } = await performJob(failing, {}, { attempt })
      const { delay = Number.NaN } = settlement.kind === 'retry' ? settlement : {}
      expect(delay / (attempt ** 4 * 1_000)).toBeGreaterThanOrEqual(0.9)
      expect(delay / (attempt ** 4 * 1_000)).toBeLessThanOrEqual(1.1)
    }
    expect((await performJob(failing, {}, { attempt: 24 })).settlement.kind).toBe('retry')
    expect((await performJob(failing, {}, { attempt: 25 })).settlement).toMatchObject({ kind: 'dead' })
  })
})

describe('docs/guide/cancellation.md', () => {
  interface BuildReport {
    buildReport: HandledTask['task']
    reportBuilder: (storage: { open(name: string): Writable }) => HandledTask
  }
  const page = () => guidePage('cancellation')
  const noStorage = {
    open(): Writable {
      throw new Error('it should not get there')
    },
  }
  const add = async (ratesUrl: string, options: object = {}): Promise<string> => {
    const payload = { reportId: 'r1', userId: 1, ratesUrl }
    return (await app.kong.addJob('build_report', payload, options)).id
  }
  const rates: RequestListener = (_request, response) => void response.end('{"EUR": 2}')
  const ended = async (runner: Runner): Promise<string | undefined> =>
    (await settled(runner, 1))[0]?.settlement.kind

  it('builds a report where nothing stands in the way', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    await using server = await listening(rates)
    await app.query("insert into orders values (1, 1, 10, 'EUR'), (2, 1, 20, 'USD'), (3, 2, 30, 'EUR')")
    let report = ''
    const open = (): Writable =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          report += chunk.toString()
          done()
        },
      })
    const id = await add(server.url)
    await workOff(app, [reportBuilder({ open })])
    expect(await app.job(id)).toMatchObject({ state: 'completed', result: { orders: 2 } })
    expect(report).toBe('1;20\n2;20\n')
  })

  it('ends a request that nobody answers, when the job is cancelled', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    const [asked, hungUp] = [deferred(), deferred()]
    await using server = await listening((request) => {
      asked.resolve()
      request.on('close', () => hungUp.resolve())
    })
    const runner = await app.run([reportBuilder(noStorage)])
    const kind = ended(runner)
    const id = await add(server.url)
    await asked.promise
    await app.kong.jobs.cancel(id, 'not needed')
    await hungUp.promise
    expect(await kind).toBe('cancelled')
  })

  it('ends a query in the database, when the job is cancelled', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    await using server = await listening(rates)
    const runner = await app.run([reportBuilder(noStorage)])
    const kind = ended(runner)
    const holder = await app.database.pool.connect()
    try {
      await holder.query('begin; lock table orders in access exclusive mode')
      const id = await add(server.url)
      const waiting =
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
      await eventually(async () => expect(await app.query(waiting)).toHaveLength(1))
      await app.kong.jobs.cancel(id)
      // The table is still locked: only who was cancelled stops waiting for it.
      expect(await kind).toBe('cancelled')
      expect(await app.query(waiting)).toEqual([])
    } finally {
      await holder.query('rollback')
      holder.release()
    }
    // Nothing of the cancelled transaction is left on its connection.
    expect(await app.query('select count(*)::int from orders')).toEqual([{ count: 0 }])
  })

  it('ends a stream in the middle, when the job is cancelled', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    await using server = await listening(rates)
    await app.query("insert into orders values (1, 1, 10, 'EUR')")
    const [writing, destroyed] = [deferred(), deferred()]
    const open = (): Writable =>
      new Writable({
        // Takes for ever.
        write: () => writing.resolve(),
        destroy(error, done) {
          destroyed.resolve()
          done(error)
        },
      })
    const runner = await app.run([reportBuilder({ open })])
    const kind = ended(runner)
    const id = await add(server.url)
    await writing.promise
    await app.kong.jobs.cancel(id)
    await destroyed.promise
    expect(await kind).toBe('cancelled')
  })

  it('looks before what takes no signal', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    await using server = await listening(rates)
    const controller = new AbortController()
    const pool = {
      query: () => Promise.resolve({ rows: [], rowCount: 0 }),
      connect: () =>
        Promise.resolve({
          query: (text: string) => {
            if (text.startsWith('select id')) controller.abort(new Error('enough'))
            return Promise.resolve({ rows: [], rowCount: 0 })
          },
          release: () => undefined,
        }),
    }
    const { mockContext } = await import('kongtask/testing')
    const handled: unknown = reportBuilder(noStorage).handle(
      { reportId: 'r1', userId: 1, ratesUrl: server.url },
      mockContext({ signal: controller.signal, pool }),
    )
    await expect(handled).rejects.toThrow('enough')
  })

  it('is aborted by its timeout, and tried again', async () => {
    const { reportBuilder } = await (await page()).load<BuildReport>('tasks/build_report.ts')
    await using server = await listening(() => undefined)
    const id = await add(server.url, { timeout: '20ms' })
    await workOff(app, [reportBuilder(noStorage)])
    expect(await app.job(id)).toMatchObject({
      state: 'scheduled',
      attempt: 1,
      errors: [{ name: 'JobTimeoutError', code: 'KT_JOB_TIMEOUT' }],
    })
  })
})

describe('docs/guide/retry-inside.md', () => {
  interface CallPartner {
    Refusal: new (message: string) => Error
    partnerCaller: (
      partner: { call(url: string, signal: AbortSignal): Promise<string> },
      pause?: (failures: number) => number,
    ) => HandledTask
  }
  const page = async () => (await guidePage('retry-inside')).load<CallPartner>('tasks/call_partner.ts')
  const add = async (): Promise<string> =>
    (await app.kong.addJob('call_partner', { url: 'http://127.0.0.1/' })).id

  it('tries three times with growing pauses, and leaves the rest to the job', async () => {
    const { partnerCaller } = await page()
    const pauses: number[] = []
    let calls = 0
    const pause = (failures: number): number => {
      pauses.push(failures)
      return 0
    }
    const call = async (): Promise<string> => {
      calls += 1
      if (calls === 3) return 'at last'
      throw new Error(`busy ${calls}`)
    }
    const fine = await add()
    await workOff(app, [partnerCaller({ call }, pause)])
    expect(await app.job(fine)).toMatchObject({ state: 'completed', attempt: 1, result: 'at last' })
    expect(await app.kong.jobs.logs(fine)).toMatchObject([
      { fields: { failures: 1 } },
      { fields: { failures: 2 } },
    ])

    const failing = await add()
    await workOff(app, [partnerCaller({ call }, pause)])
    expect(await app.job(failing)).toMatchObject({
      state: 'scheduled',
      attempt: 1,
      errors: [{ message: 'the partner failed 3 times', cause: { message: 'busy 6' } }],
    })
    expect(pauses).toEqual([1, 2, 1, 2])
  })

  it('asks no second time where it was refused', async () => {
    const { partnerCaller, Refusal } = await page()
    let calls = 0
    const call = async (): Promise<string> => {
      calls += 1
      throw new Refusal('unknown customer')
    }
    const id = await add()
    await workOff(app, [partnerCaller({ call })])
    expect(await app.job(id)).toMatchObject({
      state: 'dead',
      errors: [{ cause: { message: 'unknown customer' } }],
    })
    expect(calls).toBe(1)
  })

  it('stops pausing when the job is cancelled', async () => {
    const { partnerCaller } = await page()
    const paused = deferred()
    const pause = (): number => {
      paused.resolve()
      return 3_600_000
    }
    const runner = await app.run([partnerCaller({ call: () => Promise.reject(new Error('busy')) }, pause)], {
      logger: silent,
    })
    const done = settled(runner, 1)
    const id = await add()
    await paused.promise
    await app.kong.jobs.cancel(id)
    expect((await done)[0]?.settlement.kind).toBe('cancelled')
  })
})

describe('docs/guide/logging.md', () => {
  it('writes words and facts apart, with the job, and keeps what was grave', async () => {
    const page = await guidePage('logging')
    const { start, saidBy } = await page.load<{
      start: (connectionString: string, destination: { write(line: string): void }) => Promise<Runner>
      saidBy: (kong: KongTask, id: string) => Promise<unknown>
    }>('worker.ts')
    const lines: Record<string, unknown>[] = []
    const runner = await start(app.database.connectionString, {
      write: (line: string) => void lines.push(JSON.parse(line)),
    })
    const done = settled(runner, 2)
    const there = { filePath: new URL(import.meta.url).pathname, operation: 'count' }
    const [fine, failing] = await app.kong.addJobs([
      { task: 'process_file', payload: there },
      { task: 'process_file', payload: { filePath: '/nowhere/at/all', operation: 'count' } },
    ])
    await done
    await runner.stop()
    const own = (msg: string): unknown => lines.find((line) => line['msg'] === msg)
    expect(own('File processing completed')).toMatchObject({
      ...there,
      jobId: fine?.id,
      task: 'process_file',
      queue: 'default',
      attempt: 1,
      size: expect.any(Number),
      duration: expect.any(Number),
    })
    expect(own('File processing failed')).toMatchObject({
      jobId: failing?.id,
      filePath: '/nowhere/at/all',
      err: { type: 'Error', stack: expect.stringContaining('ENOENT') },
    })
    expect(await saidBy(app.kong, failing?.id ?? '')).toMatchObject([
      {
        level: 'error',
        message: 'File processing failed',
        fields: { error: { message: expect.stringContaining('ENOENT') } },
      },
    ])
    expect(await saidBy(app.kong, fine?.id ?? '')).toEqual([])
  })
})
