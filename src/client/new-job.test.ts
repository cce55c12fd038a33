import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../core/task.ts'
import { newJobMaker } from './new-job.ts'

const newJob = newJobMaker({ maxPayload: 1_000 })
const mail = defineTask('mail', {
  payload: z.object({
    to: z.string(),
    at: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .optional(),
    n: z.number().default(1),
  }),
  queue: 'email',
  maxAttempts: 5,
  timeout: '30s',
  retain: false,
  backoff: () => 1,
})

function schemaOf(validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

describe('a new job', () => {
  it("carries the contract's defaults, and the options of the call over them", () => {
    expect(newJob(mail, { to: 'a' }, { maxAttempts: 2, timeout: undefined, scheduledIn: '1s' })).toEqual({
      task: 'mail',
      payload: '{"to":"a"}',
      options: {
        queue: 'email',
        maxAttempts: 2,
        timeout: 30_000,
        retain: { finished: false },
        scheduledIn: 1_000,
      },
      contract: true,
    })
  })

  it('merges what is said about keeping member by member', () => {
    const kept = defineTask('kept', { retain: { finished: '1h', dead: '1d' } })
    const retainOf = (options: unknown) => Object(newJob(kept, {}, options)).options.retain
    expect(retainOf({})).toEqual({ finished: 3_600_000, dead: 86_400_000 })
    expect(retainOf({ retain: { dead: '2d', logs: false } })).toEqual({
      finished: 3_600_000,
      dead: 172_800_000,
      logs: false,
    })
    expect(retainOf({ retain: false })).toEqual({ finished: false, dead: 86_400_000 })
    expect(retainOf({ retain: {} })).toEqual({ finished: 3_600_000, dead: 86_400_000 })
  })

  it('with a fixed time drops the delay that its task has by default', () => {
    const later = defineTask('later', { scheduledIn: '1h', priority: 3 })
    const at = '2026-09-01T08:00:00Z'
    expect(newJob(later, {}, { scheduledAt: at })).toMatchObject({
      options: { priority: 3, scheduledAt: '2026-09-01T08:00:00.000Z' },
    })
    expect(newJob(later, {}, { scheduledAt: at })).not.toHaveProperty('options.scheduledIn')
    expect(newJob(later, {}, { scheduledIn: 0 })).toMatchObject({ options: { scheduledIn: 0 } })
  })

  it('of a raw task has the text that was given', () => {
    const raw = defineTask('raw', { raw: true })
    const text = ' {"n": 12345678901234567890} '
    expect(newJob(raw, text, undefined)).toMatchObject({ payload: text })
    expect(newJob(raw, undefined, undefined)).toMatchObject({ payload: '{}' })
    for (const bad of [{ n: 1 }, 5, '', 'nothing', '[1, 2', '1], [2', String.raw`"\u0000"`, '"\ud800"']) {
      expect(() => newJob(raw, bad, undefined)).toThrow(
        expect.objectContaining({ code: 'KT_PAYLOAD_NOT_JSON' }),
      )
    }
    expect(() => newJob(raw, `"${'x'.repeat(1_000)}"`, undefined)).toThrow(
      expect.objectContaining({ code: 'KT_PAYLOAD_TOO_LARGE' }),
    )
  })

  it('stores the input: transforms and defaults of the schema are left to the worker', () => {
    const at = '2026-09-01T08:00:00Z'
    expect(newJob(mail, { to: 'a', at }, undefined)).toMatchObject({ payload: `{"to":"a","at":"${at}"}` })
  })

  it('is validated as the worker will see it: a Date has become a string by then', () => {
    const schema = defineTask('a', { payload: z.object({ at: z.string() }) })
    expect(newJob(schema, { at: new Date(0) }, undefined)).toMatchObject({
      payload: '{"at":"1970-01-01T00:00:00.000Z"}',
    })
  })

  it('does not share its payload with a schema that changes what it validates', () => {
    const meddling = schemaOf((value) => {
      if (typeof value === 'object' && value !== null) Reflect.set(value, 'added', true)
      return { value }
    })
    const task = defineTask('a', { payload: meddling })
    const payload = { a: 1 }
    expect(newJob(task, payload, undefined)).toMatchObject({ payload: '{"a":1}' })
    expect(payload).toEqual({ a: 1 })
  })

  it('without a payload has {}, and null is a payload', () => {
    expect(newJob('by-name', undefined, undefined)).toEqual({
      task: 'by-name',
      payload: '{}',
      options: {},
      contract: false,
    })
    expect(newJob('by-name', null, undefined)).toMatchObject({ task: 'by-name', payload: 'null' })
  })

  it('is a promise only where the schema validates asynchronously', async () => {
    const task = defineTask('a', { payload: z.string().refine(async (text) => text === 'good') })
    await expect(newJob(task, 'good', undefined)).resolves.toMatchObject({ task: 'a', payload: '"good"' })
    await expect(newJob(task, 'bad', undefined)).rejects.toMatchObject({ code: 'KT_PAYLOAD_INVALID' })
    expect(newJob(mail, { to: 'a' }, undefined)).not.toBeInstanceOf(Promise)
  })

  it('has a payload of at most maxPayload bytes', () => {
    expect(newJob('a', 'ä'.repeat(499), undefined)).toMatchObject({ task: 'a' })
    expect(() => newJob('a', 'ä'.repeat(500), undefined)).toThrow(
      expect.objectContaining({
        code: 'KT_PAYLOAD_TOO_LARGE',
        message: expect.stringContaining('1000 bytes'),
      }),
    )
  })

  it('of a schema that throws is refused with the error as cause', async () => {
    const cause = new Error('broken')
    const throwing = schemaOf(() => {
      throw cause
    })
    expect(() => newJob(defineTask('a', { payload: throwing }), 'x', undefined)).toThrow(
      expect.objectContaining({ code: 'KT_PAYLOAD_INVALID', cause }),
    )
    const rejecting = schemaOf(() => Promise.reject(cause))
    await expect(newJob(defineTask('a', { payload: rejecting }), 'x', undefined)).rejects.toMatchObject({
      code: 'KT_PAYLOAD_INVALID',
      cause,
    })
  })
})

describe('a client with tasks', () => {
  const known = newJobMaker({ maxPayload: 1_000, known: new Set(['send_email', 'mail']) })

  it('takes those by contract and by name', () => {
    expect(known('send_email', {}, undefined)).toMatchObject({ task: 'send_email' })
    expect(known(mail, { to: 'a' }, undefined)).toMatchObject({ task: 'mail' })
  })

  it('refuses others and names the one that was probably meant', () => {
    expect(() => known('send-emial', {}, undefined)).toThrow(
      expect.objectContaining({
        code: 'KT_TASK_UNKNOWN',
        message: expect.stringContaining('Did you mean "send_email"?'),
      }),
    )
    expect(() => known(defineTask('other'), {}, undefined)).toThrow(
      expect.objectContaining({ code: 'KT_TASK_UNKNOWN' }),
    )
  })
})
