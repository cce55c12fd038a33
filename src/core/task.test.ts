import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { handle } from './handler.ts'
import { OPTION_CHECKS } from './job-options.ts'
import { defineTask, isTask } from './task.ts'
import { TASK_OPTIONS } from './task-options.ts'

const backoff = (): number => 5
const noop = (): void => undefined

describe('defineTask', () => {
  it('parses the defaults once and freezes the contract', () => {
    const payload = z.object({ to: z.string() })
    const task = defineTask('send', {
      payload,
      queue: 'email',
      maxAttempts: 5,
      priority: 2,
      timeout: '30s',
      retain: false,
      backoff,
    })
    expect(task.name).toBe('send')
    expect(task.schema).toBe(payload)
    expect(task.defaults).toEqual({
      queue: 'email',
      maxAttempts: 5,
      priority: 2,
      timeout: 30_000,
      retain: { finished: false },
      backoff,
    })
    expect(Object.isFrozen(task)).toBe(true)
    expect(Object.isFrozen(task.defaults)).toBe(true)
    expect(isTask(task)).toBe(true)
  })

  it('takes every option of a job but a fixed time', () => {
    expect(
      defineTask('send', {
        scheduledIn: '1s',
        tags: ['a'],
        metadata: { a: 1 },
        flags: ['gpu'],
        uniqueKey: 'k',
        uniqueFor: '1m',
        onConflict: 'replace',
        serialKey: 's',
        concurrency: { limit: 2, by: 'tenantId' },
        rateLimit: { limit: 2, per: '1s' },
      }).defaults,
    ).toEqual({
      scheduledIn: 1_000,
      tags: ['a'],
      metadata: { a: 1 },
      flags: ['gpu'],
      uniqueKey: 'k',
      uniqueFor: 60_000,
      onConflict: 'replace',
      serialKey: 's',
      concurrency: { limit: 2, by: 'tenantId' },
      rateLimit: { limit: 2, per: 1_000 },
    })
    const options = Object.keys(OPTION_CHECKS)
    expect(TASK_OPTIONS.toSorted()).toEqual(
      [...options.filter((option) => option !== 'scheduledAt' && option !== 'version'), 'backoff'].toSorted(),
    )
  })

  it('is raw where it says so, and not otherwise', () => {
    expect(defineTask('a', { raw: true }).raw).toBe(true)
    expect(defineTask('a', { raw: false, payload: z.string() }).raw).toBe(false)
    expect(defineTask('a', { raw: undefined }).raw).toBe(false)
    expect(defineTask('a').raw).toBe(false)
  })

  it('takes no options, and undefined for not given', () => {
    expect(defineTask('a')).toMatchObject({ name: 'a', schema: undefined, defaults: {} })
    expect(Object.keys(defineTask('a', { queue: undefined, payload: undefined }).defaults)).toEqual([])
  })

  it.each([z.string(), v.string(), type('string')])('takes any Standard Schema (%#)', (payload) => {
    expect(defineTask('a', { payload }).schema).toBe(payload)
  })

  const refused: readonly (readonly [name: unknown, options: unknown, code: string, message: string])[] = [
    ['', undefined, 'KT_NAME_INVALID', 'task name'],
    [5, undefined, 'KT_NAME_INVALID', '5 is not a task name'],
    ['a', null, 'KT_OPTION_INVALID', "defineTask('a')"],
    ['a', z.string(), 'KT_OPTION_INVALID', 'plain object'],
    ['a', { paylod: z.string() }, 'KT_OPTION_UNKNOWN', 'Did you mean "payload"?'],
    ['a', { scheduledAt: '2026-09-01T08:00:00Z' }, 'KT_OPTION_UNKNOWN', '"scheduledAt"'],
    ['a', { tags: 'x' }, 'KT_OPTION_INVALID', '`tags`'],
    ['a', { flags: [''] }, 'KT_NAME_INVALID', 'The flag ""'],
    ['a', { metadata: [] }, 'KT_OPTION_INVALID', '`metadata`'],
    ['a', { scheduledIn: 'soon' }, 'KT_DURATION_INVALID', '`scheduledIn`'],
    ['a', { uniqueKey: '' }, 'KT_OPTION_INVALID', '`uniqueKey`'],
    ['a', { serialKey: 5 }, 'KT_OPTION_INVALID', '`serialKey`'],
    ['a', { concurrency: 0 }, 'KT_OPTION_INVALID', '`concurrency`'],
    ['a', { rateLimit: { limit: 5, per: 'x' } }, 'KT_DURATION_INVALID', '`rateLimit.per`'],
    ['a', { uniqueFor: 0 }, 'KT_DURATION_INVALID', '`uniqueFor`'],
    ['a', { uniqueKey: 'k', onConflict: 'x' }, 'KT_OPTION_INVALID', '`onConflict`'],
    ['a', { onConflict: 'replace' }, 'KT_OPTION_INVALID', 'needs `uniqueKey` or `uniqueFor`'],
    ['a', { raw: 'yes' }, 'KT_OPTION_INVALID', '`raw` must be true or false'],
    ['a', { raw: null }, 'KT_OPTION_INVALID', '`raw` must be true or false'],
    ['a', { raw: true, payload: z.string() }, 'KT_OPTION_INVALID', 'nothing for a schema'],
    ['a', { payload: {} }, 'KT_TASK_INVALID', 'must be a schema'],
    ['a', { payload: { '~standard': {} } }, 'KT_TASK_INVALID', 'must be a schema'],
    ['a', { payload: null }, 'KT_TASK_INVALID', 'not null'],
    ['a', { queue: '' }, 'KT_NAME_INVALID', 'queue name'],
    ['a', { maxAttempts: 0 }, 'KT_OPTION_INVALID', '`maxAttempts`'],
    ['a', { priority: 16 }, 'KT_OPTION_INVALID', '`priority`'],
    ['a', { timeout: 'x' }, 'KT_DURATION_INVALID', '`timeout`'],
    ['a', { retain: true }, 'KT_DURATION_INVALID', '`retain`'],
    ['a', { backoff: '5s' }, 'KT_OPTION_INVALID', '`exponential`'],
    ['a', { version: 0 }, 'KT_OPTION_INVALID', '`version` must be a whole number from 1'],
    ['a', { version: 1.5 }, 'KT_OPTION_INVALID', '`version`'],
    ['a', { version: '2' }, 'KT_OPTION_INVALID', '`version`'],
    ['a', { version: 2, upcast: {} }, 'KT_OPTION_INVALID', '`upcast` must be a function'],
    ['a', { upcast: noop }, 'KT_OPTION_INVALID', 'Give `version: 2` beside it'],
    ['a', { version: 1, upcast: noop }, 'KT_OPTION_INVALID', 'none before version 1'],
  ]

  it.each(refused)('refuses %j with %o', (name, options, code, message) => {
    const call = (): unknown => Reflect.apply(defineTask, undefined, [name, options])
    expect(call).toThrow(expect.objectContaining({ code }))
    expect(call).toThrow(message)
  })
})

describe('handle', () => {
  const task = defineTask('a')

  it('joins contract and function in a frozen value', () => {
    const handled = handle(task, noop)
    expect(handled).toEqual({ name: 'a', task, handle: noop })
    expect(Object.isFrozen(handled)).toBe(true)
  })

  it.each([
    ['a', noop],
    [{ name: 'a', defaults: {}, schema: undefined }, noop],
    [undefined, noop],
    [task, undefined],
    [task, { handle: noop }],
  ])('refuses what is no contract or no function (%#)', (first, second) => {
    expect(() => Reflect.apply(handle, undefined, [first, second])).toThrow(
      expect.objectContaining({ code: 'KT_TASK_INVALID' }),
    )
  })
})
