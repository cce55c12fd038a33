// `kong.jobs.result`: waiting for what becomes of a job, whoever runs it.
import { cancel, KongTask, PermanentError } from 'kongtask'
import { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { settled, useJourney } from '../journeys/journey.ts'

const app = useJourney()

/** A client whose statements that look for ends are seen, each with the ids that it asks for. */
function watchedClient(): {
  readonly kong: KongTask
  readonly asked: string[][]
  readonly next: () => Promise<void>
} {
  const asked: string[][] = []
  let look = deferred()
  const { pool } = app.database
  const watching = new Proxy(pool, {
    get: (target, name) => {
      if (name !== 'connect') return Reflect.get(target, name)
      return async () => {
        const client = await target.connect()
        return new Proxy(client, {
          get: (real, key) => {
            const value: unknown = Reflect.get(real, key)
            if (key !== 'query') return typeof value === 'function' ? value.bind(real) : value
            return async (query: { readonly text: string; readonly values: readonly unknown[] }) => {
              const answer: unknown =
                typeof value === 'function' ? await Reflect.apply(value, real, [query]) : undefined
              if (query.text.includes('read_ends(')) {
                asked.push(String(query.values[0]).slice(1, -1).split(','))
                look.resolve()
                look = deferred()
              }
              return answer
            }
          },
        })
      }
    },
  })
  return { kong: new KongTask({ pool: watching }), asked, next: () => look.promise }
}

describe('the result of a job', () => {
  it.each<readonly [string, unknown, unknown]>([
    ['what its handler returned', { sent: [1, null] }, { sent: [1, null] }],
    ['null where that was null', null, null],
    ['undefined where it returned nothing', undefined, undefined],
  ])('is %s', async (_, returned, result) => {
    await app.run({ work: () => returned })
    const { id } = await app.kong.addJob('work')
    expect(await app.kong.jobs.result(id)).toEqual(result)
    // And again, for whoever comes later.
    expect(await app.kong.jobs.result(id)).toEqual(result)
  })

  it('is waited for through retries and snoozes', async () => {
    const { kong, next } = watchedClient()
    const { id } = await app.kong.addJob('work')
    const result = kong.jobs.result(id)
    await next()
    const { snooze, RetryableError } = await import('kongtask')
    await app.run({
      work: (_, { job }) => {
        if (job.snoozes === 0) return snooze(1)
        if (job.attempt === 1) throw new RetryableError('busy', { retryIn: 1 })
        return `attempt ${job.attempt}`
      },
    })
    expect(await result).toBe('attempt 2')
  })

  it.each<readonly [string, () => unknown, object]>([
    [
      'is dead',
      () => {
        throw new PermanentError('no such user')
      },
      {
        name: 'KongTaskError',
        code: 'KT_JOB_DEAD',
        message: expect.stringContaining('PermanentError: no such user'),
        cause: expect.objectContaining({ name: 'PermanentError', message: 'no such user' }),
      },
    ],
    [
      'was cancelled',
      () => cancel('sold out'),
      { name: 'JobCancelledError', code: 'KT_JOB_CANCELLED', reason: 'sold out' },
    ],
  ])('of a job that %s is an error that says so', async (_, end, error) => {
    await app.run({ work: end })
    const { id } = await app.kong.addJob('work')
    await expect(app.kong.jobs.result(id)).rejects.toMatchObject(error)
  })

  it('of a job of which nothing is kept, or that never was, is KT_JOB_NOT_FOUND', async () => {
    const { kong, next } = watchedClient()
    const { id } = await app.kong.addJob('work', {}, { retain: false })
    const result = kong.jobs.result(id)
    await next()
    await app.run({ work: () => 'done' })
    await expect(result).rejects.toMatchObject({ code: 'KT_JOB_NOT_FOUND' })
    await expect(app.kong.jobs.result('999999')).rejects.toMatchObject({ code: 'KT_JOB_NOT_FOUND' })
  })

  it('ends with the reason of the signal, before and while it waits', async () => {
    const { kong, next } = watchedClient()
    const { id } = await app.kong.addJob('work')
    const controller = new AbortController()
    const result = kong.jobs.result(id, { signal: controller.signal })
    await next()
    const why = new Error('the user has left')
    controller.abort(why)
    await expect(result).rejects.toBe(why)
    await expect(kong.jobs.result(id, { signal: controller.signal })).rejects.toBe(why)
    expect(await app.job(id)).toMatchObject({ state: 'ready' })
  })

  it('ends with KT_RESULT_TIMEOUT when its time is over', async () => {
    const { id } = await app.kong.addJob('work')
    await expect(app.kong.jobs.result(id, { timeout: 30 })).rejects.toMatchObject({
      code: 'KT_RESULT_TIMEOUT',
      message: expect.stringContaining('30 ms'),
    })
  })

  it('ends with KT_CLOSED when the client is closed', async () => {
    const { kong, next } = watchedClient()
    const { id } = await app.kong.addJob('work')
    const result = kong.jobs.result(id)
    await next()
    const [error] = await Promise.all([result.catch((refusal: unknown) => refusal), kong.close()])
    expect(error).toMatchObject({ code: 'KT_CLOSED' })
  })

  it.each<readonly [string, unknown, unknown, string]>([
    ['an id that is none', 'x', {}, 'KT_OPTION_INVALID'],
    ['an unknown option', '1', { patience: 1 }, 'KT_OPTION_UNKNOWN'],
    ['a signal that is none', '1', { signal: {} }, 'KT_OPTION_INVALID'],
    ['a timeout that is none', '1', { timeout: 'soon' }, 'KT_DURATION_INVALID'],
  ])('cannot be asked for with %s', async (_, id, options, code) => {
    await expect(Reflect.apply(app.kong.jobs.result, undefined, [id, options])).rejects.toMatchObject({
      code,
    })
  })

  it('survives weather while it is waited for; but a client that reaches nothing says so', async () => {
    const { kong, next } = watchedClient()
    const { id } = await app.kong.addJob('work')
    const result = kong.jobs.result(id)
    await next()
    await app.asAdmin(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kongtask test' and pid <> pg_backend_pid() and datname = '${app.database.name}'`,
    )
    const runner = await app.run({ work: () => 'after the storm' })
    await settled(runner, 1)
    expect(await result).toBe('after the storm')

    const pool = new Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
    const lost = new KongTask({ pool })
    await expect(lost.jobs.result(id)).rejects.toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE' })
    await pool.end()
  })
})

describe('all who wait on one client', () => {
  it('share a statement, in which each job stands once, and it is asked ever more rarely', async () => {
    const { kong, asked } = watchedClient()
    const added = await app.kong.addJobs(Array.from({ length: 50 }, () => ({ task: 'work' })))
    const ids = added.map(({ id }) => id)
    const started = performance.now()
    const results = Promise.all(
      [...ids, ...ids].map((id) => kong.jobs.result(id, { timeout: 800 }).catch(String)),
    )
    await results
    const took = performance.now() - started
    for (const look of asked) expect(new Set(look).size).toBe(look.length)
    expect(asked[0]?.toSorted()).toEqual(ids.toSorted())
    // 50, 75, 113, 169, 253 ms … apart: a look every 50 ms would be 16.
    expect(asked.length).toBeLessThanOrEqual(Math.ceil(took / 130))
    expect(asked.length).toBeGreaterThanOrEqual(2)
  })
})
