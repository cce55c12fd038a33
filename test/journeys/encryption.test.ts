import { randomBytes } from 'node:crypto'
import { type } from 'arktype'
import {
  defineTask,
  fixed,
  handle,
  KongTask,
  newJob,
  schedule,
  type EncryptionOptions,
  type KongTaskOptions,
  type Logger,
} from 'kongtask'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

// Not even the tests' own: what is sealed with one must never open with the other.
const [old, young] = [randomBytes(32), randomBytes(32)]
const onlyOld: EncryptionOptions = { keys: { '2026-01': old }, current: '2026-01' }
const both: EncryptionOptions = {
  keys: { '2026-01': old, '2026-11': young.toString('base64') },
  current: '2026-11',
}
const onlyYoung: EncryptionOptions = { keys: { '2026-11': young }, current: '2026-11' }

const SECRET = 'hunter2-correct-horse'
const pay = defineTask('pay', { payload: z.object({ card: z.string(), cents: z.number() }) })
const payload = { card: SECRET, cents: 100 }

const kongWith = (
  encryption?: EncryptionOptions,
  more: Partial<Pick<KongTaskOptions, 'maxPayload'>> = {},
): KongTask => new KongTask({ pool: app.database.pool, encryption, ...more })

/** Every row of every table of ours as text. */
async function everything(): Promise<string> {
  const tables = await app.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'kongtask' order by 1`,
  )
  const texts = []
  for (const { name } of tables) texts.push(JSON.stringify(await app.query(`select * from ${String(name)}`)))
  return texts.join('\n')
}

async function row(id: string): Promise<Record<string, unknown>> {
  const [found = {}] = await app.query('select payload, extras from kongtask.jobs where id = $1', [id])
  return found
}

/** A logger whose lines can be searched. */
function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = []
  const line = (message: string, fields?: object): void => void lines.push(JSON.stringify([message, fields]))
  return { logger: { debug: line, info: line, warn: line, error: line }, lines }
}

describe('an encrypted payload', () => {
  it('is stored sealed, whichever way it is added, and reaches the handler clear', async () => {
    const kong = kongWith(both)
    const seen: unknown[] = []
    const ids = [(await kong.addJob(pay, payload)).id, (await kong.addJob('pay', payload)).id]
    for (const { id } of await kong.addJobs([
      { task: pay, payload },
      { task: 'pay', payload },
    ]))
      ids.push(id)
    await kong.addJobs(
      (async function* () {
        yield newJob(pay, payload)
      })(),
      { onAdded: (jobs) => void ids.push(...jobs.map(({ id }) => id)) },
    )
    const client = await app.database.pool.connect()
    await client.query('begin')
    ids.push((await kong.with(client).addJob(pay, payload)).id)
    await client.query('commit')
    client.release()
    for (const id of ids) {
      const { payload: stored, extras } = await row(id)
      expect(stored).toMatchObject({ 'kongtask:sealed': expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) })
      expect(extras).toEqual({ encryptionKey: '2026-11' })
    }
    expect(await everything()).not.toContain(SECRET)

    const runner = await app.run(
      [
        handle(
          pay,
          (clear, { job, rawPayload }) => void seen.push([clear, job.payload, JSON.parse(rawPayload)]),
        ),
        {
          name: 'parent',
          handle: async (_, ctx) => {
            await ctx.addJob(pay, payload)
            await ctx.withTransaction((tx) => ctx.with(tx).addJob(pay, payload))
            expect(await everything()).not.toContain(SECRET)
            return 'done'
          },
        },
      ],
      { encryption: both },
    )
    const done = settled(runner, 9)
    await kong.addJob('parent', {})
    expect((await done).map(({ settlement }) => settlement.kind)).toEqual(
      Array.from({ length: 9 }, () => 'completed'),
    )
    expect(seen).toEqual(Array.from({ length: 8 }, () => [payload, payload, payload]))
    // History, too.
    expect(await everything()).not.toContain(SECRET)
  })

  it('looks different each time it is encrypted, and tells its length only', async () => {
    const kong = kongWith(both)
    const [a, b] = await kong.addJobs([
      { task: pay, payload },
      { task: pay, payload },
    ])
    const [first, second] = [await row(a?.id ?? ''), await row(b?.id ?? '')]
    expect(first['payload']).not.toEqual(second['payload'])
    expect(Object.keys(Object(first['payload']))).toEqual(['kongtask:sealed'])
  })

  it('is never taken for a plain one, nor a plain one for it', async () => {
    const lookalike = { 'kongtask:sealed': 'AAAA', same: 'x', encryptionKey: '2026-11' }
    const { id } = await app.kong.addJob('work', lookalike)
    const { id: sealed } = await kongWith(both).addJob('work', lookalike)
    const [sql] = await app.query(`select id from kongtask.add_job('work', $1)`, [JSON.stringify(lookalike)])
    await expect(
      app.query(`select id from kongtask.add_job('work', '{}', '{"encryptionKey": "2026-11"}')`),
    ).rejects.toThrow('KT_OPTION_UNKNOWN')
    for (const each of [id, sealed, String(sql?.['id'])]) {
      expect(await kongWith(both).jobs.get(each)).toMatchObject({ payload: lookalike, isSealed: false })
    }
    const seen: unknown[] = []
    const runner = await app.run({ work: (clear) => void seen.push(clear) }, { encryption: both })
    await settled(runner, 3)
    expect(seen).toEqual([lookalike, lookalike, lookalike])
  })

  it('is passed on as its own text where the task is raw', async () => {
    const raw = defineTask('raw', { raw: true })
    const seen: unknown[] = []
    const runner = await app.run([handle(raw, (text, { rawPayload }) => void seen.push(text, rawPayload))], {
      encryption: both,
    })
    const done = settled(runner, 1)
    const text = '{"b": 12345678901234567890, "a": 1.0}'
    await kongWith(both).addJob(raw, text)
    await done
    expect(seen).toEqual([text, text])
  })

  it('is counted by its clear size, and opened up to the largest', async () => {
    const kong = kongWith(both, { maxPayload: 100 })
    await expect(kong.addJob('work', 'x'.repeat(99))).rejects.toMatchObject({ code: 'KT_PAYLOAD_TOO_LARGE' })
    const { id } = await kong.addJob('work', 'ü'.repeat(49))
    expect(await kong.jobs.get(id)).toMatchObject({ payload: 'ü'.repeat(49) })
  })

  it('of an older version is opened, then brought up', async () => {
    const newer = defineTask('pay', {
      payload: z.object({ card: z.string() }),
      version: 2,
      upcast: (stored, from) => ({ card: `${from} ${z.object({ card: z.string() }).parse(stored).card}` }),
    })
    const seen: unknown[] = []
    const runner = await app.run([handle(newer, ({ card }) => void seen.push(card))], { encryption: both })
    const done = settled(runner, 1)
    await kongWith(both).addJob(pay, payload)
    await done
    expect(seen).toEqual([`1 ${SECRET}`])
  })
})

describe('operators', () => {
  it('with the keys see it clear: of what is live, over, and dead', async () => {
    const kong = kongWith(both)
    const { id } = await kong.addJob(pay, payload, { tags: ['a'] })
    const clear = { payload, encryptionKey: '2026-11', isSealed: false }
    expect(await kong.jobs.get(id)).toMatchObject(clear)
    expect((await kong.jobs.list({ tag: 'a' })).jobs).toMatchObject([clear])
    expect(await kong.jobs.cancel(id)).toMatchObject({ ...clear, state: 'cancelled' })
    expect(await kong.jobs.retry(id)).toMatchObject({ ...clear, state: 'ready' })
    const runner = await app.run(
      {
        pay: () => {
          throw new Error('PERMANENT: no')
        },
      },
      { encryption: both },
    )
    await settled(runner, 1)
    expect((await kong.deadLetters.list()).jobs).toMatchObject([{ ...clear, state: 'dead' }])
    await runner.stop()
    expect(await kong.deadLetters.redrive(id)).toMatchObject({ ...clear, state: 'ready' })
    const seen: unknown[] = []
    const again = await app.run([handle(pay, (got) => void seen.push(got))], { encryption: both })
    await settled(again, 1)
    expect(seen).toEqual([payload])
    expect(await kong.jobs.get(id)).toMatchObject({ ...clear, state: 'completed' })
  })

  it('without the key see that it is sealed, and with which', async () => {
    const { id } = await kongWith(both).addJob(pay, payload)
    for (const kong of [kongWith(), kongWith(onlyOld)]) {
      const sealed = { payload: { 'kongtask:sealed': '2026-11' }, encryptionKey: '2026-11', isSealed: true }
      expect(await kong.jobs.get(id)).toMatchObject(sealed)
      expect((await kong.jobs.list()).jobs).toMatchObject([sealed])
    }
  })

  it('see plain jobs as ever', async () => {
    const { id } = await app.kong.addJob(pay, payload)
    expect(await kongWith(both).jobs.get(id)).toMatchObject({
      payload,
      encryptionKey: undefined,
      isSealed: false,
    })
  })

  it('learn from checkPayloads which jobs this process could not open', async () => {
    const kong = kongWith(both)
    const [{ id } = { id: '' }] = await kong.addJobs([{ task: pay, payload }])
    expect(await kong.checkPayloads([pay])).toMatchObject({ isFine: true, checked: 1 })
    expect(await kongWith(onlyOld).checkPayloads([pay])).toMatchObject({
      isFine: false,
      failures: [{ id, code: 'KT_ENCRYPTION_KEY_UNKNOWN' }],
    })
    const strict = defineTask('pay', { payload: v.object({ card: v.number() }) })
    const check = await kong.checkPayloads([strict])
    expect(check.failures).toMatchObject([
      { code: 'KT_PAYLOAD_INVALID', why: expect.stringContaining('at card') },
    ])
    expect(JSON.stringify(check)).not.toContain(SECRET)
  })
})

describe('a key', () => {
  it('that is no longer the current one still opens, while new jobs get the new one', async () => {
    const { id: before } = await kongWith(onlyOld).addJob(pay, payload)
    const { id: after } = await kongWith(both).addJob(pay, payload)
    expect((await row(before))['extras']).toEqual({ encryptionKey: '2026-01' })
    expect((await row(after))['extras']).toEqual({ encryptionKey: '2026-11' })
    const seen: unknown[] = []
    const runner = await app.run([handle(pay, (clear) => void seen.push(clear))], { encryption: both })
    await settled(runner, 2)
    expect(seen).toEqual([payload, payload])
  })

  it.each([
    ['other keys', onlyYoung],
    ['no keys', undefined],
  ])(
    'that a process with %s does not have makes the attempt fail, and the job runs where it is',
    async (_, encryption) => {
      const task = defineTask('pay', { payload: pay.schema ?? z.unknown(), backoff: fixed('1h') })
      const { id } = await kongWith(onlyOld).addJob(task, payload)
      const runner = await app.run([handle(task, () => 'ran')], { encryption })
      const failed = once(runner, 'job.failed')
      expect(await failed).toMatchObject({
        settlement: { kind: 'retry', error: { name: 'KongTaskError', code: 'KT_ENCRYPTION_KEY_UNKNOWN' } },
      })
      const [error] = (await app.job(id)).errors
      expect(error?.message).toContain('the key "2026-01"')
      await runner.stop()
      const right = await app.run([handle(task, () => 'ran')], { encryption: both })
      const done = settled(right, 1)
      await app.kong.jobs.runNow(id)
      expect(await done).toMatchObject([{ settlement: { kind: 'completed', result: 'ran' } }])
    },
  )

  it('does not open what was moved to another task, or changed', async () => {
    const kong = kongWith(both)
    const [moved, changed, whole] = await kong.addJobs([
      { task: pay, payload },
      { task: pay, payload },
      { task: pay, payload },
    ])
    await kong.addJob('refund', {}, { scheduledIn: '1h' })
    await app.query(
      `update kongtask.jobs set task_id = (select id from kongtask.tasks where name = 'refund') where id = $1`,
      [moved?.id],
    )
    const { payload: stored } = await row(changed?.id ?? '')
    const sealed = String(Object(stored)['kongtask:sealed'])
    const flipped = `${sealed.slice(0, 30)}${sealed[30] === 'A' ? 'B' : 'A'}${sealed.slice(31)}`
    await app.query('update kongtask.jobs set payload = $2 where id = $1', [
      changed?.id,
      JSON.stringify({ 'kongtask:sealed': flipped }),
    ])
    expect(await kong.jobs.get(changed?.id ?? '')).toMatchObject({ isSealed: true })
    const seen: unknown[] = []
    const see = (clear: unknown): void => void seen.push(clear)
    const runner = await app.run({ pay: see, refund: see }, { encryption: both })
    const ends = await settled(runner, 3)
    expect(seen).toEqual([payload])
    for (const { job, settlement } of ends) {
      expect(settlement.kind).toBe(job.id === whole?.id ? 'completed' : 'dead')
    }
    for (const each of [moved, changed]) {
      expect((await app.job(each?.id ?? '')).errors).toMatchObject([
        { cause: { code: 'KT_DECRYPTION_FAILED' } },
      ])
    }
  })

  it.each([
    ['damaged beyond base64', { 'kongtask:sealed': '§' }],
    ['cut short', { 'kongtask:sealed': 'AAAA' }],
    ['gone', {}],
    ['something else', 5],
  ])('does not open what is %s, and harms nothing else', async (_, stored) => {
    const kong = kongWith(both)
    const { id } = await kong.addJob(pay, payload)
    await app.query('update kongtask.jobs set payload = $2 where id = $1', [id, JSON.stringify(stored)])
    expect(await kong.jobs.get(id)).toMatchObject({
      isSealed: true,
      payload: { 'kongtask:sealed': '2026-11' },
    })
    const runner = await app.run({ pay: () => undefined }, { encryption: both })
    expect(await settled(runner, 1)).toMatchObject([{ settlement: { kind: 'dead' } }])
  })
})

describe('schedules', () => {
  const hashKey = randomBytes(32)
  // Both keys are everywhere before the other one becomes the current one.
  const before = { ...both, current: '2026-01', hashKey }
  const after = { ...both, hashKey }
  const later = { ...onlyYoung, hashKey }
  const declaring = (encryption: EncryptionOptions | undefined) =>
    app.run([handle(pay, () => undefined)], { encryption, schedules: [schedule('@yearly', pay, payload)] })
  const keys = async (): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      (await app.query('select name, job from kongtask.schedules')).map(({ name, job }) => [
        String(name),
        Object(job)['encryptionKey'],
      ]),
    )

  it('that code declares are encrypted anew by the deploy in which the key is another, as they are', async () => {
    const first = await declaring(before)
    const changed = { card: SECRET, cents: 5 }
    await kongWith(before).schedules.change('pay', { payload: changed })
    await app.kong.schedules.pause('pay')
    const second = await declaring(after)
    expect(await keys()).toEqual({ pay: '2026-11' })
    // Old code that starts again meanwhile takes nothing back.
    await first.stop()
    await (await declaring(before)).stop()
    expect(await keys()).toEqual({ pay: '2026-11' })
    await second.stop()
    const seen: unknown[] = []
    const third = await app.run([handle(pay, (clear) => void seen.push(clear))], { encryption: later })
    const done = settled(third, 1)
    await app.kong.schedules.runNow('pay')
    await done
    expect(seen).toEqual([changed])
    expect((await app.kong.schedules.changes('pay')).map(({ verb }) => verb)).toEqual([
      'ran',
      'paused',
      'changed',
      'created',
    ])
    expect(await everything()).not.toContain(SECRET)
  })

  it('that people made are encrypted anew when somebody says so, where a key at hand opens them', async () => {
    const lost = { keys: { lost: randomBytes(32) }, current: 'lost' }
    await kongWith(before).schedules.create('@yearly', pay, payload, { name: 'theirs' })
    await kongWith(lost).schedules.create('@yearly', pay, payload, { name: 'unknown' })
    await app.kong.schedules.create('@yearly', pay, payload, { name: 'plain' })
    await declaring(after)
    expect(await kongWith(after).schedules.reseal()).toEqual({ resealed: ['theirs'], unopened: ['unknown'] })
    expect(await kongWith(after).schedules.reseal()).toEqual({ resealed: [], unopened: ['unknown'] })
    expect(await keys()).toEqual({ pay: '2026-11', plain: undefined, theirs: '2026-11', unknown: 'lost' })
    const { id } = await app.kong.schedules.runNow('theirs')
    expect(await kongWith(later).jobs.get(id)).toMatchObject({ payload })
    await expect(app.kong.schedules.reseal()).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })

  it('that somebody changes in the same moment are not put back', async () => {
    const kong = kongWith(before)
    await kong.schedules.create('@yearly', pay, payload, { name: 'theirs' })
    const store = createStore(pgDatabase(app.database.pool, 10_000), 'kongtask')
    const [found] = await store.readSchedules('theirs')
    await kong.schedules.change('theirs', { payload: { card: 'x', cents: 1 } })
    expect(found !== undefined && (await store.resealSchedule(found, 'k', '{}'))).toBe(false)
    expect(await keys()).toEqual({ theirs: '2026-01' })
  })
})

describe('a unique key that is made of an encrypted payload', () => {
  const options = { uniqueFor: '10m' } as const
  const turned = { cents: 100, card: SECRET }

  it('is the same for the same payload, and gives nothing away', async () => {
    const kong = kongWith(both)
    const { id } = await kong.addJob(pay, payload, options)
    expect(await kong.addJob(pay, turned, options)).toEqual({ id, status: 'skipped' })
    expect(await kong.addJobs([{ task: pay, payload: turned, ...options }])).toEqual([
      { id, status: 'skipped' },
    ])
    expect(await kong.addJob(pay, { ...payload, cents: 101 }, options)).toMatchObject({ status: 'added' })
    const uniqueKey = (await kong.jobs.get(id))?.uniqueKey
    expect(uniqueKey).toMatch(/^hmac-sha256:[0-9a-f]{64}$/)
    // Not what anybody could compute who guesses the payload.
    const plain = await app.kong.addJob(pay, payload, options)
    expect(plain.status).toBe('added')
    expect((await app.job(plain.id)).uniqueKey).not.toContain(uniqueKey?.slice('hmac-sha256:'.length))
  })

  it('is not that of another task with the same payload', async () => {
    const kong = kongWith(both)
    const [a, b] = await kong.addJobs([
      { task: 'a', payload, ...options },
      { task: 'b', payload, ...options },
    ])
    const keys = await Promise.all(
      [a, b].map(async (added) => (await kong.jobs.get(added?.id ?? ''))?.uniqueKey),
    )
    expect(keys[0]).not.toBe(keys[1])
  })

  it('stays the same over a rotation, for as long as the first key or the hash key stays', async () => {
    const { id } = await kongWith(onlyOld).addJob(pay, payload, options)
    expect(await kongWith(both).addJob(pay, payload, options)).toEqual({ id, status: 'skipped' })
    expect(await kongWith(onlyYoung).addJob(pay, payload, options)).toMatchObject({ status: 'added' })
    const hashKey = randomBytes(32)
    const kept = await kongWith({ ...onlyOld, hashKey }).addJob(pay, payload, options)
    expect(await kongWith({ ...onlyYoung, hashKey }).addJob(pay, payload, options)).toEqual({
      id: kept.id,
      status: 'skipped',
    })
  })

  it('is made for tasks that are added by name, too, whose runner published uniqueFor', async () => {
    await app.run([handle(defineTask('sync', { uniqueFor: '1h', onConflict: 'replace' }), () => undefined)], {
      queues: { idle: 1 },
    })
    const kong = kongWith(both)
    const { id } = await kong.addJob('sync', payload)
    expect(await kong.addJob('sync', turned)).toEqual({ id, status: 'replaced' })
    expect(await kong.addJob('sync', { card: 'other' })).toMatchObject({ status: 'added' })
    expect(await kong.jobs.get(id)).toMatchObject({ payload: turned, isSealed: false })
  })

  it('tells raw payloads apart that JavaScript would take for one', async () => {
    const raw = defineTask('raw', { raw: true, uniqueFor: '1h' })
    const kong = kongWith(both)
    const { id } = await kong.addJob(raw, '12345678901234567890')
    expect(await kong.addJob(raw, '12345678901234567891')).toMatchObject({ status: 'added' })
    expect(await kong.addJob(raw, '12345678901234567890')).toEqual({ id, status: 'skipped' })
  })
})

describe('a limit by what an encrypted payload says', () => {
  const by = defineTask('charge', { concurrency: { limit: 1, by: 'customer.id' } })

  it('holds for jobs with the same value, and gives the value away to nobody', async () => {
    const kong = kongWith(both)
    const ids = await kong.addJobs([
      { task: by, payload: { customer: { id: SECRET } } },
      { task: by, payload: { customer: { id: SECRET }, n: 2 } },
      { task: by, payload: { customer: { id: 'b' } } },
    ])
    const [a, b, c] = await Promise.all(ids.map(async ({ id }) => (await kong.jobs.get(id))?.concurrency))
    expect(a).toEqual({ limit: 1, key: expect.stringMatching(/^hmac-sha256:/) })
    expect(b).toEqual(a)
    expect(c).not.toEqual(a)
    expect(await everything()).not.toContain(SECRET)
  })

  it('is refused by name, where only the database knows of it', async () => {
    await app.run([handle(by, () => undefined)], { queues: { idle: 1 } })
    await expect(kongWith(both).addJob('charge', { customer: { id: 'a' } })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
      message: expect.stringContaining('which is encrypted'),
    })
  })
})

describe('errors and logs', () => {
  const wrong = { card: SECRET, cents: SECRET }
  const strict = [
    ['zod', z.object({ card: z.literal('x'), cents: z.number() })],
    ['valibot', v.object({ card: v.literal('x'), cents: v.number() })],
    ['arktype', type({ card: "'x'", cents: 'number' })],
    [
      'a schema that throws what it was given',
      z.unknown().transform((given) => {
        throw new Error(JSON.stringify(given))
      }),
    ],
  ] as const

  it.each(strict)('hold nothing of an encrypted payload that does not fit, by %s', async (_, schema) => {
    const { logger, lines } = recorder()
    const task = defineTask('pay', { payload: schema })
    const runner = await app.run([handle(task, () => undefined)], {
      encryption: both,
      logger,
      storeLogs: 'debug',
    })
    const done = settled(runner, 1)
    const { id } = await kongWith(both).addJob('pay', wrong)
    const ends = await done
    expect(ends).toMatchObject([{ settlement: { kind: 'dead', reason: 'permanent' } }])
    const [error] = (await app.job(id)).errors
    expect(error).toMatchObject({ cause: { code: 'KT_PAYLOAD_INVALID' } })
    expect(error?.message).toMatch(/at (card|the whole)|threw instead of judging/)
    for (const text of [JSON.stringify(ends), lines.join(), await everything()])
      expect(text).not.toContain(SECRET)
    expect(lines.join()).toContain('Job is dead')
    // Nor does the call say more, for whatever is thrown in a handler is stored with its job.
    const refused: unknown = await Reflect.apply(kongWith(both).addJob, undefined, [task, wrong]).catch(
      (e: unknown) => e,
    )
    expect(refused).toMatchObject({ code: 'KT_PAYLOAD_INVALID' })
    expect(refused).not.toHaveProperty('cause')
    expect(String(refused)).not.toContain(SECRET)
  })

  it('hold nothing of what is no JSON, either', async () => {
    const kong = kongWith(both)
    const refused: unknown[] = []
    const raw = defineTask('raw', { raw: true })
    await kong.addJob(raw, `${SECRET} is no JSON`).catch((error: unknown) => refused.push(error))
    const payloads: unknown = { [`${SECRET}@example.org`]: Number.NaN }
    await kong.addJob('work', payloads).catch((error: unknown) => refused.push(error))
    expect(refused).toMatchObject([{ code: 'KT_PAYLOAD_NOT_JSON' }, { code: 'KT_PAYLOAD_NOT_JSON' }])
    expect(refused.map(String).join('\n')).not.toContain('hunter2')
    await expect(app.kong.addJob(raw, `${SECRET} is no JSON`)).rejects.toThrow('hunter2')
  })

  it('hold nothing of what upcast throws, or of names that are content', async () => {
    const { logger, lines } = recorder()
    const throwing = defineTask('throwing', {
      version: 2,
      upcast: (given) => {
        throw new Error(JSON.stringify(given))
      },
    })
    const keyed = defineTask('keyed', { payload: z.record(z.string(), z.number()) })
    const runner = await app.run([handle(throwing, () => undefined), handle(keyed, () => undefined)], {
      encryption: both,
      logger,
    })
    const done = settled(runner, 2)
    const kong = kongWith(both)
    const { id } = await kong.addJob('throwing', wrong)
    const { id: other } = await kong.addJob('keyed', { 'ada@example.org': SECRET })
    await done
    expect((await app.job(id)).errors).toMatchObject([{ cause: { code: 'KT_PAYLOAD_UPCAST' } }])
    expect((await app.job(other)).errors).toMatchObject([{ cause: { code: 'KT_PAYLOAD_INVALID' } }])
    for (const text of [lines.join(), await everything()]) {
      expect(text).not.toContain(SECRET)
      expect(text).not.toContain('ada@example.org')
    }
  })
})
