import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { BrandedError } from './branded-error.ts'
import type * as errors from './errors.ts'
import { JobTimeoutError, KongTaskError, LeaseLostError } from './errors.ts'
import type * as handlerErrors from './handler-errors.ts'
import { PermanentError, RetryableError } from './handler-errors.ts'

/** The same modules, loaded a second time. */
async function secondCopy(): Promise<typeof handlerErrors & typeof errors> {
  vi.resetModules()
  return { ...(await import('./handler-errors.ts')), ...(await import('./errors.ts')) }
}

class PaymentRefused extends PermanentError {}
class CardExpired extends PaymentRefused {}

describe('instanceof', () => {
  it('holds within one copy as it does for any class', () => {
    const timeout = new JobTimeoutError('KT_JOB_TIMEOUT', 'late')
    for (const type of [JobTimeoutError, KongTaskError, BrandedError, Error]) {
      expect(timeout instanceof type, type.name).toBe(true)
    }
    expect(timeout instanceof LeaseLostError).toBe(false)
    expect(timeout instanceof PermanentError).toBe(false)
    expect(new KongTaskError('KT_JOB_TIMEOUT', 'x') instanceof JobTimeoutError).toBe(false)
  })

  it('holds for errors of another copy, in both directions', async () => {
    const copy = await secondCopy()
    expect(copy.PermanentError).not.toBe(PermanentError)
    expect(new copy.PermanentError('x') instanceof PermanentError).toBe(true)
    expect(new PermanentError('x') instanceof copy.PermanentError).toBe(true)
    expect(new copy.JobTimeoutError('KT_JOB_TIMEOUT', 'x') instanceof KongTaskError).toBe(true)
    expect(new copy.PermanentError('x') instanceof RetryableError).toBe(false)
    expect(new copy.RetryableError('x', { retryIn: '5s' })).toHaveProperty('retryIn', 5_000)
  })

  it('keeps its ordinary meaning for subclasses of a user', async () => {
    const copy = await secondCopy()
    expect(new PaymentRefused('x') instanceof PaymentRefused).toBe(true)
    expect(new CardExpired('x') instanceof PaymentRefused).toBe(true)
    expect(new CardExpired('x') instanceof PermanentError).toBe(true)
    expect(new PaymentRefused('x') instanceof CardExpired).toBe(false)
    expect(new PermanentError('x') instanceof PaymentRefused).toBe(false)
    expect(new CardExpired('x') instanceof copy.PermanentError).toBe(true)
  })

  it.each([undefined, null, 'PermanentError', {}, [], new Error('x'), { name: 'PermanentError' }])(
    'does not hold for %j',
    (value) => {
      expect(value instanceof PermanentError).toBe(false)
      expect(value instanceof KongTaskError).toBe(false)
    },
  )
})

describe('a branded error', () => {
  it('has the name of its class, its message, its cause and a stack that begins with them', () => {
    const cause = new Error('no route')
    const error = new PaymentRefused('no money', { cause })
    expect(error).toMatchObject({ name: 'PaymentRefused', message: 'no money', cause })
    expect(error.stack).toMatch(/^PaymentRefused: no money\n|^Error: no money\n/)
    expect(String(error)).toBe('PaymentRefused: no money')
  })

  it('shows its bookkeeping to nobody who prints it', () => {
    const error = new KongTaskError('KT_JOB_TIMEOUT', 'late')
    expect(Object.keys(error)).toEqual(['code'])
    expect(inspect(error)).not.toContain('brands')
    expect(JSON.stringify(error)).toBe('{"code":"KT_JOB_TIMEOUT"}')
  })
})

describe('a RetryableError', () => {
  it('takes a duration and refuses what is none', () => {
    expect(new RetryableError('x').retryIn).toBeUndefined()
    expect(new RetryableError('x', { retryIn: '1m' }).retryIn).toBe(60_000)
    expect(() => new RetryableError('x', { retryIn: -5 })).toThrow(
      expect.objectContaining({ code: 'KT_DURATION_INVALID' }),
    )
  })
})
