import { describe, expect, it } from 'vitest'
import { checkJobOptions } from './job-options.ts'

type Refused = readonly [options: unknown, code: string, message: string | RegExp]

describe('job options', () => {
  it('are parsed: durations to milliseconds, times to UTC', () => {
    expect(
      checkJobOptions({
        scheduledIn: '5m',
        queue: 'email',
        maxAttempts: 3,
        priority: 0,
        tags: ['a', 'b'],
        timeout: '30s',
        retain: '1h',
        metadata: { tenant: 7, at: new Date(0), none: undefined },
        uniqueKey: 'order 7',
        uniqueFor: '1h30m',
        onConflict: 'keep_schedule',
        serialKey: 'customer 7',
        concurrency: 3,
        rateLimit: { limit: 100, per: '1m', burst: 10, by: 'tenantId', key: undefined },
        flags: ['gpu', 'eu-only'],
      }),
    ).toEqual({
      scheduledIn: 300_000,
      queue: 'email',
      maxAttempts: 3,
      priority: 0,
      tags: ['a', 'b'],
      timeout: 30_000,
      retain: { finished: 3_600_000 },
      metadata: { tenant: 7, at: '1970-01-01T00:00:00.000Z' },
      uniqueKey: 'order 7',
      uniqueFor: 5_400_000,
      onConflict: 'keep_schedule',
      serialKey: 'customer 7',
      concurrency: { limit: 3 },
      rateLimit: { limit: 100, per: 60_000, burst: 10, by: 'tenantId' },
      flags: ['gpu', 'eu-only'],
    })
    expect(checkJobOptions({ scheduledAt: '2026-09-01T10:00:00+02:00' })).toEqual({
      scheduledAt: '2026-09-01T08:00:00.000Z',
    })
    expect(checkJobOptions({ retain: false })).toEqual({ retain: { finished: false } })
    expect(checkJobOptions({ scheduledIn: 0 })).toEqual({ scheduledIn: 0 })
  })

  it.each([
    [undefined],
    [{}],
    [{ queue: undefined, priority: undefined, scheduledAt: undefined }],
    [Object.create(null)],
  ])('that are not given are absent, whether left out or undefined (%#)', (options) => {
    const checked = checkJobOptions(options)
    expect(Object.keys(checked)).toEqual([])
  })

  it('given once are not changed by what the caller does to their parts later', () => {
    const tags = ['a']
    const flags = ['x']
    const metadata = { list: [1] }
    const checked = checkJobOptions({ tags, flags, metadata })
    tags.push('b')
    flags.push('y')
    metadata.list.push(2)
    expect(checked).toEqual({ tags: ['a'], flags: ['x'], metadata: { list: [1] } })
  })

  it.each(['k', ' ', 'x'.repeat(512), 'ä'.repeat(256), '💌'.repeat(128), 'e\u0301', "'; drop table jobs"])(
    'take the key %j for unique and for serial',
    (key) => {
      expect(checkJobOptions({ uniqueKey: key, serialKey: key })).toEqual({ uniqueKey: key, serialKey: key })
    },
  )

  it.each([
    [1, { limit: 1 }],
    [100_000, { limit: 100_000 }],
    [{ limit: 2 }, { limit: 2 }],
    [
      { limit: 2, key: 'crm', by: undefined },
      { limit: 2, key: 'crm' },
    ],
    [
      { by: 'customer.id', limit: 2 },
      { limit: 2, by: 'customer.id' },
    ],
    [
      { limit: 2, by: 'ä' },
      { limit: 2, by: 'ä' },
    ],
  ])('take the concurrency %j, in its one form', (concurrency, expected) => {
    expect(checkJobOptions({ concurrency })).toStrictEqual({ concurrency: expected })
  })

  it.each([
    [
      { limit: 1, per: 1 },
      { limit: 1, per: 1 },
    ],
    [
      { limit: 1_000_000, per: '36525d', burst: 1_000_000 },
      { limit: 1_000_000, per: 3_155_760_000_000, burst: 1_000_000 },
    ],
    [
      { key: 'crm', per: '1m30s', limit: 5, burst: undefined },
      { limit: 5, per: 90_000, key: 'crm' },
    ],
  ])('take the rate %j, in its one form', (rateLimit, expected) => {
    expect(checkJobOptions({ rateLimit })).toStrictEqual({ rateLimit: expected })
  })

  it.each(['skip', 'replace', 'keep_schedule'])('take %j for a conflict', (onConflict) => {
    expect(checkJobOptions({ uniqueFor: 1, onConflict })).toEqual({ uniqueFor: 1, onConflict })
  })

  const refused: readonly Refused[] = [
    [null, 'KT_OPTION_INVALID', 'a plain object, not null'],
    [5, 'KT_OPTION_INVALID', 'not 5'],
    ['5m', 'KT_OPTION_INVALID', 'not "5m"'],
    [['5m'], 'KT_OPTION_INVALID', 'not an array of 1'],
    [new Date(0), 'KT_OPTION_INVALID', 'a plain object'],
    [new Map([['queue', 'x']]), 'KT_OPTION_INVALID', 'a plain object'],
    [
      { scheduleIn: '5m' },
      'KT_OPTION_UNKNOWN',
      /"scheduleIn"\. Did you mean "scheduledIn"\? Known options: scheduledIn, /,
    ],
    [{ run_at: '5m' }, 'KT_OPTION_UNKNOWN', '"run_at". Known options'],
    [{ unknown: undefined }, 'KT_OPTION_UNKNOWN', '"unknown"'],
    [JSON.parse('{"__proto__": 1}'), 'KT_OPTION_UNKNOWN', '"__proto__"'],
    [{ constructor: 1 }, 'KT_OPTION_UNKNOWN', '"constructor"'],
    [{ scheduledIn: '5m', scheduledAt: new Date(0) }, 'KT_OPTION_INVALID', 'not both'],
    [{ scheduledIn: 'soon' }, 'KT_DURATION_INVALID', '`scheduledIn`'],
    [{ scheduledIn: -1 }, 'KT_DURATION_INVALID', 'negative'],
    [{ scheduledIn: null }, 'KT_DURATION_INVALID', 'null is not a duration'],
    [{ scheduledAt: 'soon' }, 'KT_DATE_INVALID', '`scheduledAt`'],
    [{ scheduledAt: 0 }, 'KT_DATE_INVALID', '0 is not a point in time'],
    [{ queue: 'two words' }, 'KT_NAME_INVALID', 'queue name'],
    [{ queue: null }, 'KT_NAME_INVALID', 'queue name'],
    [{ maxAttempts: 0 }, 'KT_OPTION_INVALID', 'from 1 to 32767, not 0'],
    [{ maxAttempts: 32_768 }, 'KT_OPTION_INVALID', 'from 1 to 32767'],
    [{ maxAttempts: 2.5 }, 'KT_OPTION_INVALID', 'whole number'],
    [{ maxAttempts: '3' }, 'KT_OPTION_INVALID', 'not "3"'],
    [{ maxAttempts: Number.NaN }, 'KT_OPTION_INVALID', 'not NaN'],
    [{ priority: -1 }, 'KT_OPTION_INVALID', 'from 0 to 15, not -1'],
    [{ priority: 16 }, 'KT_OPTION_INVALID', 'from 0 to 15'],
    [{ priority: true }, 'KT_OPTION_INVALID', 'not true'],
    [{ tags: 'a' }, 'KT_OPTION_INVALID', 'array of strings'],
    [{ tags: [''] }, 'KT_NAME_INVALID', 'tag'],
    [{ tags: ['a', 5] }, 'KT_NAME_INVALID', 'The tag 5'],
    [{ tags: ['a', undefined] }, 'KT_NAME_INVALID', 'The tag undefined'],
    [{ tags: Array.from({ length: 33 }, String) }, 'KT_OPTION_INVALID', 'at most 32'],
    [{ timeout: 0 }, 'KT_DURATION_INVALID', 'longer than zero'],
    [{ timeout: false }, 'KT_DURATION_INVALID', 'false'],
    [{ retain: true }, 'KT_DURATION_INVALID', '`retain`'],
    [{ retain: { finished: true } }, 'KT_DURATION_INVALID', '`retain.finished`'],
    [{ retain: { dead: false } }, 'KT_DURATION_INVALID', '`retain.dead`'],
    [{ retain: { dead: 0 } }, 'KT_DURATION_INVALID', '`retain.dead`'],
    [{ retain: { logs: 0 } }, 'KT_DURATION_INVALID', '`retain.logs`'],
    [{ retain: { steps: '1h' } }, 'KT_OPTION_UNKNOWN', 'Known options: finished, dead, logs'],
    [{ metadata: [] }, 'KT_OPTION_INVALID', '`metadata` must be a plain object'],
    [{ metadata: 'x' }, 'KT_OPTION_INVALID', '`metadata`'],
    [{ metadata: null }, 'KT_OPTION_INVALID', '`metadata`'],
    [{ metadata: { a: [() => 1] } }, 'KT_OPTION_INVALID', '`metadata.a[0]` is a function'],
    [{ metadata: { a: '\0' } }, 'KT_OPTION_INVALID', '`metadata.a` holds the character'],
    [{ metadata: { a: 'x'.repeat(16 * 1024) } }, 'KT_OPTION_INVALID', '16384 bytes'],
    [{ metadata: { toJSON: () => [1] } }, 'KT_OPTION_INVALID', 'plain object'],
    ...['uniqueKey', 'serialKey'].flatMap((option): Refused[] => [
      [{ [option]: '' }, 'KT_OPTION_INVALID', `\`${option}\` must be text of 1 to 512 bytes, not ""`],
      [{ [option]: 'x'.repeat(513) }, 'KT_OPTION_INVALID', '1 to 512 bytes'],
      [{ [option]: `${'ä'.repeat(256)}x` }, 'KT_OPTION_INVALID', '1 to 512 bytes'],
      [{ [option]: 'a\0' }, 'KT_OPTION_INVALID', `\`${option}\` holds the character`],
      [{ [option]: '\ud800' }, 'KT_OPTION_INVALID', `\`${option}\` holds half of a surrogate pair`],
      [{ [option]: 5 }, 'KT_OPTION_INVALID', 'must be a string, not 5'],
      [{ [option]: null }, 'KT_OPTION_INVALID', 'must be a string, not null'],
      [{ [option]: ['a'] }, 'KT_OPTION_INVALID', 'must be a string, not an array'],
    ]),
    [
      { concurrency: '5' },
      'KT_OPTION_INVALID',
      '`concurrency` must be a whole number, or an object with `limit`, not "5"',
    ],
    [{ concurrency: null }, 'KT_OPTION_INVALID', 'not null'],
    [{ concurrency: 0 }, 'KT_OPTION_INVALID', '`concurrency` must be a whole number from 1 to 100000, not 0'],
    [{ concurrency: 100_001 }, 'KT_OPTION_INVALID', 'from 1 to 100000, not 100001'],
    [{ concurrency: Number.NaN }, 'KT_OPTION_INVALID', 'not NaN'],
    [
      { concurrency: {} },
      'KT_OPTION_INVALID',
      '`concurrency.limit` must be a whole number from 1 to 100000, not undefined',
    ],
    [{ concurrency: { limit: 1.5 } }, 'KT_OPTION_INVALID', '`concurrency.limit`'],
    [{ concurrency: { limit: 5, key: '' } }, 'KT_OPTION_INVALID', '`concurrency.key` must be text'],
    [{ concurrency: { limit: 5, by: 'a..b' } }, 'KT_OPTION_INVALID', '`concurrency.by` must be a path'],
    [{ concurrency: { limit: 5, by: '\ud800' } }, 'KT_OPTION_INVALID', '`concurrency.by` holds half'],
    [
      { concurrency: { limit: 5, key: 'a', by: 'b' } },
      'KT_OPTION_INVALID',
      '`concurrency`: give `key` or `by`, not both',
    ],
    [
      { concurrency: { limt: 5 } },
      'KT_OPTION_UNKNOWN',
      /^`concurrency`: there is no option "limt"\. Did you mean "limit"\? Known options: limit, key, by\.$/,
    ],
    [{ concurrency: { limit: 5, per: '1s' } }, 'KT_OPTION_UNKNOWN', '"per"'],
    [{ rateLimit: 5 }, 'KT_OPTION_INVALID', '`rateLimit` must be an object with `limit` and `per`, not 5'],
    [{ rateLimit: { per: '1s' } }, 'KT_OPTION_INVALID', '`rateLimit.limit`'],
    [{ rateLimit: { limit: 1_000_001, per: '1s' } }, 'KT_OPTION_INVALID', 'from 1 to 1000000'],
    [{ rateLimit: { limit: 5 } }, 'KT_DURATION_INVALID', '`rateLimit.per`: undefined is not a duration'],
    [{ rateLimit: { limit: 5, per: 0 } }, 'KT_DURATION_INVALID', '`rateLimit.per`: 0 must be longer'],
    [{ rateLimit: { limit: 5, per: '36526d' } }, 'KT_DURATION_INVALID', 'longer than 100 years'],
    [{ rateLimit: { limit: 5, per: '1s', burst: 0 } }, 'KT_OPTION_INVALID', '`rateLimit.burst`'],
    [{ rateLimit: { limit: 5, per: '1s', burst: null } }, 'KT_OPTION_INVALID', '`rateLimit.burst`'],
    [{ rateLimit: { limit: 5, per: '1s', by: '.a' } }, 'KT_OPTION_INVALID', '`rateLimit.by`'],
    [
      { rateLimit: { limit: 5, per: '1s', max: 1 } },
      'KT_OPTION_UNKNOWN',
      '`rateLimit`: there is no option "max"',
    ],
    [{ uniqueFor: 0 }, 'KT_DURATION_INVALID', '`uniqueFor`: 0 must be longer than zero'],
    [{ uniqueFor: 0.4 }, 'KT_DURATION_INVALID', 'longer than zero'],
    [{ uniqueFor: false }, 'KT_DURATION_INVALID', '`uniqueFor`'],
    [{ uniqueFor: '101y' }, 'KT_DURATION_INVALID', '`uniqueFor`'],
    [{ onConflict: 'Skip' }, 'KT_OPTION_INVALID', "'skip', 'replace' or 'keep_schedule', not \"Skip\""],
    [{ onConflict: 'keepSchedule' }, 'KT_OPTION_INVALID', 'keep_schedule'],
    [{ onConflict: null }, 'KT_OPTION_INVALID', 'not null'],
    [{ onConflict: true }, 'KT_OPTION_INVALID', 'not true'],
    [{ flags: 'gpu' }, 'KT_OPTION_INVALID', '`flags` must be an array of strings'],
    [{ flags: new Set(['gpu']) }, 'KT_OPTION_INVALID', '`flags`'],
    [{ flags: [''] }, 'KT_NAME_INVALID', 'The flag "" is empty'],
    [{ flags: ['x'.repeat(101)] }, 'KT_NAME_INVALID', 'is too long'],
    [{ flags: ['a\0'] }, 'KT_NAME_INVALID', 'holds the character'],
    [{ flags: Array.from({ length: 33 }, String) }, 'KT_OPTION_INVALID', '`flags` may hold at most 32'],
  ]

  it.each(refused)('%j is refused', (options, code, message) => {
    expect(() => checkJobOptions(options)).toThrow(expect.objectContaining({ code }))
    expect(() => checkJobOptions(options)).toThrow(message)
  })
})
