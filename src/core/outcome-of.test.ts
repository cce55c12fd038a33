import { describe, expect, it } from 'vitest'
import { PermanentError, RetryableError } from './handler-errors.ts'
import { outcomeOfReturn, outcomeOfThrow } from './outcome-of.ts'
import { cancel, snooze } from './verdict.ts'

class QuotaExceeded extends RetryableError {}
class NoSuchUser extends PermanentError {}

describe('what a handler returns', () => {
  it.each([[undefined], [null], [0], ['done'], [true], [{ sent: [1, { at: 'x' }] }], [[]]])(
    '%j completes the job with that result',
    (value) => {
      expect(outcomeOfReturn(value)).toEqual({ outcome: { kind: 'completed', result: value } })
    },
  )

  it('is kept as JSON makes it: dates as text, what is undefined not at all', () => {
    expect(outcomeOfReturn({ at: new Date(0), gone: undefined })).toEqual({
      outcome: { kind: 'completed', result: { at: '1970-01-01T00:00:00.000Z' } },
    })
  })

  it('is kept as it was at that moment', () => {
    const result = { sent: 1 }
    const { outcome } = outcomeOfReturn(result)
    result.sent = 2
    expect(outcome).toEqual({ kind: 'completed', result: { sent: 1 } })
  })

  const circular: Record<string, unknown> = {}
  circular['self'] = circular

  it.each<readonly [string, unknown, RegExp]>([
    ['a function', () => 1, /^the value at the top is a function$/],
    ['a BigInt', { n: [1n] }, /^the value at n\.0 is a BigInt$/],
    ['NaN', { rate: Number.NaN }, /^the value at rate is NaN/],
    ['a Map', new Map([[1, 2]]), /is of type Map/],
    ['a circle', circular, /refers back/],
    ['a NUL', { text: 'a\0b' }, /^the value at text holds the character \\u0000/],
    ['half a surrogate pair', '\ud83d', /half of a surrogate pair/],
    [
      'a getter that throws',
      {
        get secret(): string {
          throw new Error('not yours')
        },
      },
      /cannot be read: not yours/,
    ],
    ['too much', 'x'.repeat(1_048_575), /^it is larger than 1048576 characters$/],
  ])('and is no JSON (%s) completes the job, without a result, and says why', (_, value, why) => {
    expect(outcomeOfReturn(value)).toEqual({
      outcome: { kind: 'completed', result: undefined },
      flaw: expect.stringMatching(why),
    })
  })

  it('and cannot even be looked at completes the job all the same', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(outcomeOfReturn(proxy)).toEqual({
      outcome: { kind: 'completed', result: undefined },
      flaw: expect.any(String),
    })
  })

  it('may be a snooze or a cancel', () => {
    expect(outcomeOfReturn(snooze('1m'))).toEqual({ outcome: { kind: 'snoozed', delay: 60_000 } })
    expect(outcomeOfReturn(cancel('sold out'))).toEqual({
      outcome: { kind: 'cancelled', reason: 'sold out' },
    })
  })

  it('makes the reason of a cancel storable, so that the database can take it', () => {
    expect(outcomeOfReturn(cancel('a\0b\ud83d'))).toEqual({
      outcome: { kind: 'cancelled', reason: 'a\\0b\uFFFD' },
    })
    const { outcome } = outcomeOfReturn(cancel('x'.repeat(5_000)))
    expect(outcome).toEqual({ kind: 'cancelled', reason: `${'x'.repeat(2_000)}…` })
    expect(outcomeOfReturn(Reflect.apply(cancel, undefined, [7]))).toEqual({
      outcome: { kind: 'cancelled', reason: '7' },
    })
  })
})

describe('what a handler throws', () => {
  const retried = { kind: 'failed', permanent: false, retryIn: undefined }

  it.each<readonly [string, unknown]>([
    ['an error', new Error('no answer')],
    ['text', 'no answer'],
    ['nothing', undefined],
    ['null', null],
    ['an object', { message: 'PERMANENT: no' }],
    ['a RetryableError', new RetryableError('busy')],
    ['RETRYABLE: by habit', new Error('RETRYABLE: the server is busy')],
  ])('is tried again: %s', (_, thrown) => {
    expect(outcomeOfThrow(thrown)).toMatchObject(retried)
  })

  it('keeps the words of the error as they are', () => {
    expect(outcomeOfThrow(new TypeError('RETRYABLE: busy'))).toMatchObject({
      error: { name: 'TypeError', message: 'RETRYABLE: busy' },
    })
  })

  it('is tried again when a RetryableError says so', () => {
    expect(outcomeOfThrow(new QuotaExceeded('busy', { retryIn: '1h' }))).toMatchObject({
      ...retried,
      retryIn: 3_600_000,
    })
    expect(outcomeOfThrow(new RetryableError('busy', { retryIn: 0 }))).toMatchObject({ retryIn: 0 })
  })

  it.each([new Date('2030-01-01T08:00:00Z'), '2030-01-01T10:00:00+02:00'])(
    'is tried again at the time that a RetryableError names: %s',
    (retryAt) => {
      expect(outcomeOfThrow(new QuotaExceeded('busy', { retryAt }))).toMatchObject({
        ...retried,
        retryAt: '2030-01-01T08:00:00.000Z',
      })
    },
  )

  it.each<readonly [string, object, string]>([
    ['both', { retryIn: 1, retryAt: new Date() }, 'KT_OPTION_INVALID'],
    ['a time without an offset', { retryAt: '2030-01-01T08:00:00' }, 'KT_DATE_INVALID'],
    ['no time', { retryAt: new Date(Number.NaN) }, 'KT_DATE_INVALID'],
    ['no duration', { retryIn: 'soon' }, 'KT_DURATION_INVALID'],
  ])('cannot be a RetryableError that says %s: making it throws', (_, options, code) => {
    expect(() => new RetryableError('busy', options)).toThrow(expect.objectContaining({ code }))
  })

  it('is passed on as it was, for backoff policies', () => {
    const thrown = { code: 429 }
    expect(outcomeOfThrow(thrown)).toMatchObject({ thrown })
  })

  it.each<readonly [string, unknown]>([
    ['a PermanentError', new PermanentError('no such user')],
    ['a subclass', new NoSuchUser('x')],
    ['as the cause', new Error('import failed', { cause: new NoSuchUser('x') })],
    [
      'as the cause of the cause',
      new Error('a', { cause: new RetryableError('b', { cause: new PermanentError('c') }) }),
    ],
    ['by its message', new Error('PERMANENT: no such user')],
    ['by its message alone', new RetryableError('PERMANENT:', { retryIn: 5 })],
  ])('is never tried again: %s', (_, thrown) => {
    expect(outcomeOfThrow(thrown)).toMatchObject({ kind: 'failed', permanent: true })
  })

  it.each<readonly [string, unknown]>([
    ['in the middle of the message', new Error('it is PERMANENT: no')],
    ['behind a space', new Error(' PERMANENT: no')],
    ['in small letters', new Error('permanent: no')],
    ['without the colon', new Error('PERMANENT failure')],
    ['in the message of a cause', new Error('a', { cause: new Error('PERMANENT: b') })],
    ['thrown as text', 'PERMANENT: no'],
  ])('is tried again where PERMANENT: stands %s', (_, thrown) => {
    expect(outcomeOfThrow(thrown)).toMatchObject(retried)
  })

  it('is judged in bounded time, also where causes go in a circle', () => {
    const first = new Error('a')
    const second = new Error('b', { cause: first })
    first.cause = second
    expect(outcomeOfThrow(first)).toMatchObject(retried)
  })

  it.each<readonly [string, unknown]>([
    ['a message that is no text', Object.assign(new Error('x'), { message: 42 })],
    ['a message that throws', withThrowing('message')],
    ['a cause that throws', withThrowing('cause')],
    ['a revoked proxy', revoked()],
    ['a proxy that throws when asked', hostile()],
  ])('becomes a failure whatever it is: %s', (_, thrown) => {
    expect(outcomeOfThrow(thrown)).toMatchObject({
      ...retried,
      error: { name: expect.any(String), message: expect.any(String) },
    })
  })

  it('has its own RetryableError heeded also where another property cannot be read', () => {
    const busy = new RetryableError('busy', { retryIn: 5 })
    Object.defineProperty(busy, 'cause', { get: refuse })
    expect(outcomeOfThrow(busy)).toMatchObject({ kind: 'failed', permanent: false, retryIn: 5 })
  })
})

function refuse(): never {
  throw new Error('not yours')
}

function withThrowing(property: string): Error {
  return Object.defineProperty(new Error('x'), property, { get: refuse })
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function hostile(): unknown {
  return new Proxy({}, { has: refuse, get: refuse, getPrototypeOf: refuse, ownKeys: refuse })
}
