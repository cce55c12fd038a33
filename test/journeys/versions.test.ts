import { defineTask, handle, KongTaskError, type Job } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

const v1 = z.object({ name: z.string() })
const first = defineTask('greet', { payload: v1 })
const second = defineTask('greet', {
  payload: z.object({ name: z.string(), locale: z.string() }),
  version: 2,
  upcast: (payload) => ({ ...v1.parse(payload), locale: 'en' }),
})
const third = defineTask('greet', {
  payload: z.object({ names: z.array(z.string()) }),
  version: 3,
  upcast: (payload, from) =>
    from === 1
      ? { names: [v1.parse(payload).name] }
      : { names: [z.object({ name: z.string() }).parse(payload).name] },
})

const version = async (id: string): Promise<number> => (await app.job(id)).version

async function extrasOf(id: string): Promise<unknown> {
  const [row] = await app.query('select extras from kongtask.jobs where id = $1', [id])
  return row?.['extras']
}

/** Due again now: what was put off need not be waited for. */
async function makeDue(id: string): Promise<void> {
  await app.kong.jobs.runNow(id)
}

describe('the version of a job', () => {
  it('is that of its task, whichever way it is added', async () => {
    const { kong } = app
    const payload = { name: 'Ada', locale: 'sv' }
    const ids = [(await kong.addJob(second, payload)).id]
    for (const { id } of await kong.addJobs([
      { task: second, payload },
      { task: second, payload, priority: 3 },
    ])) {
      ids.push(id)
    }
    await kong.addJobs(
      (async function* () {
        const { newJob } = await import('kongtask')
        yield newJob(second, payload)
      })(),
      { onAdded: (jobs) => void ids.push(...jobs.map(({ id }) => id)) },
    )
    const client = await app.database.pool.connect()
    await client.query('begin')
    ids.push((await kong.with(client).addJob(second, payload)).id)
    await client.query('commit')
    client.release()
    const runner = await app.run(
      {
        parent: async (_, ctx) => {
          ids.push((await ctx.addJob(second, payload)).id)
          await ctx.withTransaction(async (tx) => ids.push((await ctx.with(tx).addJob(second, payload)).id))
        },
      },
      { queues: { parents: 1 } },
    )
    const done = settled(runner, 1)
    await kong.addJob('parent', {}, { queue: 'parents' })
    await done
    expect(await Promise.all(ids.map(version))).toEqual(ids.map(() => 2))
    expect(ids).toHaveLength(7)
  })

  it('is what is said by name and from SQL, and 1 where nothing is said', async () => {
    await app.run([handle(second, () => undefined)], { queues: { idle: 1 } })
    const { id: named } = await app.kong.addJob('greet', { name: 'Ada' }, { version: 7 })
    const { id: silent } = await app.kong.addJob('greet', { name: 'Ada' })
    const [sql] = await app.query(`select id from kongtask.add_job('greet', '{}', '{"version": 3}')`)
    expect(await Promise.all([named, silent, String(sql?.['id'])].map(version))).toEqual([7, 1, 3])
  })

  it('costs plain jobs nothing: the first is not stored', async () => {
    const { kong } = app
    const plain = await kong.addJob(first, { name: 'Ada' })
    const said = await kong.addJob('greet', { name: 'Ada' }, { version: 1 })
    const same = await kong.addJob(first, { name: 'Ada' }, { version: 1 })
    for (const { id } of [plain, said, same]) expect(await extrasOf(id)).toBeNull()
    expect(await extrasOf((await kong.addJob(second, { name: 'a', locale: 'b' })).id)).toEqual({ version: 2 })
  })

  it('cannot be another than that of the contract', async () => {
    await expect(app.kong.addJob(second, { name: 'a', locale: 'b' }, { version: 1 })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
      message: expect.stringContaining('that of task "greet" is 2, not 1'),
    })
  })

  it('is taken over from the job that replaces it', async () => {
    const options = { uniqueKey: 'ada', onConflict: 'replace' } as const
    const { id } = await app.kong.addJob(first, { name: 'Ada' }, options)
    expect(await app.kong.addJob(second, { name: 'Ada', locale: 'sv' }, options)).toEqual({
      id,
      status: 'replaced',
    })
    expect(await version(id)).toBe(2)
    expect(await app.kong.addJob(first, { name: 'Ada' }, options)).toEqual({ id, status: 'replaced' })
    expect(await version(id)).toBe(1)
  })

  it('is kept through retries and in the dead letters, and counts when they are redriven', async () => {
    const seen: number[] = []
    let isBroken = true
    const runner = await app.run([
      handle(
        defineTask('greet', {
          version: 3,
          maxAttempts: 2,
          backoff: () => 0,
          upcast: (payload, from) => {
            seen.push(from)
            return payload
          },
        }),
        () => {
          if (isBroken) throw new Error('not yet')
        },
      ),
    ])
    const dead = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'dead')
    const { id } = await app.kong.addJob('greet', {}, { version: 2, maxAttempts: 2 })
    await dead
    expect(await version(id)).toBe(2)
    isBroken = false
    const done = once(runner, 'job.settled', ({ settlement }) => settlement.kind === 'completed')
    await app.kong.deadLetters.redrive(id)
    await done
    expect(await version(id)).toBe(2)
    expect(seen).toEqual([2, 2, 2])
  })
})

describe('a job of an older version', () => {
  it('is brought to the version of the code, once and from its own, before the schema and the handler', async () => {
    const seen: unknown[] = []
    const calls: number[] = []
    const task = defineTask('greet', {
      payload: z.object({ names: z.array(z.string().toUpperCase()) }),
      version: 3,
      upcast: (payload, from) => {
        calls.push(from)
        return third.upcast === undefined
          ? { names: [] }
          : z.object({ names: z.array(z.string()) }).parse(third.upcast(payload, from))
      },
    })
    const runner = await app.run([
      handle(task, (payload, ctx) => void seen.push([payload, ctx.job.version, ctx.rawPayload])),
    ])
    const done = settled(runner, 3)
    await app.kong.addJobs([
      { task: first, payload: { name: 'Ada' }, priority: 0 },
      { task: second, payload: { name: 'Bo', locale: 'sv' } },
      { task: third, payload: { names: ['Cy', 'Di'] }, priority: 2 },
    ])
    expect((await done).map(({ settlement }) => settlement.kind)).toEqual([
      'completed',
      'completed',
      'completed',
    ])
    expect(seen).toEqual([
      [{ names: ['ADA'] }, 1, '{"name": "Ada"}'],
      [{ names: ['BO'] }, 2, '{"name": "Bo", "locale": "sv"}'],
      [{ names: ['CY', 'DI'] }, 3, '{"names": ["Cy", "Di"]}'],
    ])
    expect(calls).toEqual([1, 2])
  })

  it('may be brought up by a promise, and as text where the task is raw', async () => {
    const seen: unknown[] = []
    const runner = await app.run([
      handle(
        defineTask('later', { version: 2, upcast: async (payload) => [payload] }),
        (payload) => void seen.push(payload),
      ),
      handle(
        defineTask('text', { raw: true, version: 2, upcast: (text, from) => `[${from}, ${String(text)}]` }),
        (payload) => void seen.push(payload),
      ),
    ])
    const done = settled(runner, 2)
    await app.kong.addJob('later', 5)
    await app.kong.addJob(defineTask('text', { raw: true }), '12345678901234567890')
    await done
    expect(seen).toHaveLength(2)
    expect(seen).toEqual(expect.arrayContaining(['[1, 12345678901234567890]', [5]]))
  })

  const payload = z.object({ to: z.string() })
  const broken = [
    ['has no upcast', { payload, version: 2 }, /the task has no `upcast`/],
    [
      'has an upcast that throws',
      {
        payload,
        version: 2,
        upcast: () => {
          throw new TypeError('no such field')
        },
      },
      /`upcast` threw TypeError: no such field/,
    ],
    [
      'has an upcast that rejects',
      { payload, version: 2, upcast: () => Promise.reject(new Error('no luck')) },
      /no luck/,
    ],
    [
      'is brought to what the schema refuses',
      { payload, version: 2, upcast: (): { to: string } => JSON.parse('{"to": 5}') },
      /what `upcast` returned was refused: KongTaskError: .*to: /,
    ],
    ['is brought to nothing', { version: 2, upcast: () => undefined }, /`upcast` returned nothing/],
  ] as const

  it.each(broken)('that %s is dead at its first attempt, and says why', async (_, options, why) => {
    const calls: unknown[] = []
    const task = Reflect.apply(defineTask, undefined, ['mail', options])
    const runner = await app.run([handle(task, () => void calls.push(1))])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('mail', { address: 'ada' })
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', reason: 'permanent' } }])
    const [error] = (await app.job(id)).errors
    expect(error).toMatchObject({ name: 'PermanentError', cause: { code: 'KT_PAYLOAD_UPCAST' } })
    expect(error?.message).toMatch(
      /version 1 of task "mail" could not be brought to version 2: .*Mend `upcast`/,
    )
    expect(error?.message).toMatch(why)
    expect(calls).toEqual([])
  })
})

describe('a job of a newer version than the process knows', () => {
  it('is not run and not failed: it keeps its attempt, waits, and runs where the code is newer', async () => {
    const calls: string[] = []
    const older = await app.run([handle(second, () => void calls.push('older'))])
    const deferred = once(older, 'job.settled')
    const started = once(older, 'job.started').then(() => 'started')
    const { id } = await app.kong.addJob(third, { names: ['Ada'] })
    expect(await deferred).toMatchObject({ job: { id }, settlement: { kind: 'deferred', delay: 5_000 } })
    expect(await Promise.race([started, Promise.resolve('not started')])).toBe('not started')
    expect(await app.job(id)).toMatchObject({
      state: 'scheduled',
      attempt: 0,
      errors: [],
      snoozes: 0,
      version: 3,
    })

    await older.stop()
    const newer = await app.run([handle(third, ({ names }) => void calls.push(...names))])
    const done = settled(newer, 1)
    await makeDue(id)
    expect(await done).toMatchObject([{ job: { id, attempt: 1 }, settlement: { kind: 'completed' } }])
    expect(calls).toEqual(['Ada'])
  })

  it('is looked at again after a while that grows up to a minute', async () => {
    const runner = await app.run([handle(first, () => undefined)])
    const delays: unknown[] = []
    const { id } = await app.kong.addJob(third, { names: [] }, { scheduledIn: '1h' })
    for (let n = 0; n < 6; n++) {
      const deferred = once(runner, 'job.settled')
      await makeDue(id)
      const { settlement } = await deferred
      delays.push('delay' in settlement ? settlement.delay : undefined)
    }
    expect(delays).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
    expect(await app.job(id)).toMatchObject({ attempt: 0, state: 'scheduled' })
  })

  it('is told about once for all jobs of that version, with what is known and what is asked', async () => {
    const runner = await app.run([handle(first, () => undefined)])
    const told: unknown[] = []
    runner.on('worker.outdated', (event) => told.push(event))
    const done = settled(runner, 3)
    const [a] = await app.kong.addJobs([
      { task: third, payload: { names: [] }, priority: 0 },
      { task: third, payload: { names: [] } },
      { task: second, payload: { name: '', locale: '' }, priority: 2 },
    ])
    await done
    expect(told).toMatchObject([
      { job: { id: a?.id, task: 'greet' }, version: 3, knows: 1, delay: 5_000 },
      { version: 2, knows: 1 },
    ])
    expect(told).toHaveLength(2)
  })

  it('is explained, until a process has run it', async () => {
    const runner = await app.run([handle(first, () => undefined)])
    const deferred = once(runner, 'job.settled')
    const { id } = await app.kong.addJob(third, { names: [] }, { maxAttempts: 3 })
    await deferred
    const explanation = await app.kong.jobs.explain(id)
    expect(explanation).toMatchObject({
      state: 'scheduled',
      cause: 'payload_newer',
      data: { version: 3, deferrals: 1 },
    })
    expect(explanation.sentence).toMatch(
      /is of version 3 of its task "greet", newer than the worker that met it knows; it waits for newer code/,
    )
    await runner.stop()
    const newer = await app.run([
      handle(third, () => {
        throw new Error('no luck')
      }),
    ])
    const failed = once(newer, 'job.failed')
    await makeDue(id)
    await failed
    expect(await app.kong.jobs.explain(id)).toMatchObject({ cause: 'retrying' })
  })

  it('does not concern tasks without a contract: they get every version as it is', async () => {
    const seen: number[] = []
    const runner = await app.run({ greet: (_, { job }: { job: Job }) => void seen.push(job.version) })
    const done = settled(runner, 1)
    await app.kong.addJob(third, { names: [] })
    expect(await done).toMatchObject([{ settlement: { kind: 'completed' } }])
    expect(seen).toEqual([3])
  })

  it('does not keep runTaskListOnce: what is left waits', async () => {
    const { runTaskListOnce } = await import('kongtask')
    const { silent } = await import('./journey-logger.ts')
    const { id } = await app.kong.addJob(third, { names: [] })
    await runTaskListOnce([handle(first, () => undefined)], {
      pool: app.database.pool,
      logger: silent,
      migrate: false,
    })
    expect(await app.job(id)).toMatchObject({ state: 'scheduled', attempt: 0 })
  })
})

describe('checkPayloads', () => {
  it('names the queued jobs that code would fail, and changes nothing', async () => {
    const { kong } = app
    const [bad, good, newer, scheduled] = await kong.addJobs([
      { task: 'greet', payload: { nome: 'Ada' } },
      { task: first, payload: { name: 'Bo' } },
      { task: 'greet', payload: {}, version: 9 },
      { task: 'greet', payload: 5, version: 2, scheduledIn: '1h' },
      { task: 'other', payload: 5 },
    ])
    const before = await app.query('select * from kongtask.jobs order by id')
    const check = await kong.checkPayloads([third, defineTask('unused')])
    expect(check).toMatchObject({
      isFine: false,
      checked: 5,
      tasks: [
        { task: 'greet', isKnown: true, checked: 4, upcast: 1, newer: 1, failed: 2 },
        { task: 'other', isKnown: false, checked: 1, upcast: 0, newer: 0, failed: 0 },
      ],
      failures: [
        { id: scheduled?.id, task: 'greet', version: 2, code: 'KT_PAYLOAD_UPCAST' },
        {
          id: bad?.id,
          task: 'greet',
          version: 1,
          code: 'KT_PAYLOAD_UPCAST',
          why: expect.stringContaining('name'),
        },
      ],
    })
    expect(good?.id).toBeDefined()
    expect(newer?.id).toBeDefined()
    expect(await app.query('select * from kongtask.jobs order by id')).toEqual(before)
  })

  it('goes through more jobs than a page has, lists as many as it is told and counts all', async () => {
    const payloads = Array.from({ length: 1_203 }, (_, n) => ({
      task: 'greet',
      payload: n % 2 === 0 ? { name: 'a' } : n,
    }))
    await app.kong.addJobs(payloads)
    const check = await app.kong.checkPayloads({ greet: first }, { limit: 7 })
    expect(check).toMatchObject({ isFine: false, checked: 1_203, tasks: [{ checked: 1_203, failed: 601 }] })
    expect(check.failures).toHaveLength(7)
    expect(check.failures[0]).toMatchObject({ code: 'KT_PAYLOAD_INVALID' })
  })

  it('is fine where everything fits, takes task lists, and refuses what is wrong', async () => {
    await app.kong.addJob(first, { name: 'Ada' })
    expect(await app.kong.checkPayloads([handle(first, () => undefined)])).toMatchObject({
      isFine: true,
      failures: [],
    })
    const refused = app.kong.checkPayloads([first], { limit: 0 })
    await expect(refused).rejects.toBeInstanceOf(KongTaskError)
    await expect(
      app.kong.checkPayloads([first], { signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough')
  })
})
