import { describe, expect, it } from 'vitest'
import type { FailedAttempt, Outcome } from './outcome.ts'
import { decide, type AttemptFacts } from './settlement.ts'

const error: FailedAttempt = { name: 'Error', message: 'no answer' }
const thrown = new RangeError('no answer')
const failed = {
  kind: 'failed',
  error,
  permanent: false,
  retryIn: undefined,
  retryAt: undefined,
  thrown,
} satisfies Outcome
const hour = (): number => 3_600_000

const attemptsLeft: AttemptFacts = { attempt: 2, maxAttempts: 3 }
const lastAttempt: AttemptFacts = { attempt: 3, maxAttempts: 3 }
const beyond: AttemptFacts = { attempt: 4, maxAttempts: 3 }

describe('what an outcome means', () => {
  it.each<readonly [Outcome, unknown, unknown]>([
    [{ kind: 'completed', result: { sent: 1 } }, { kind: 'completed', result: { sent: 1 } }, 'the same'],
    [{ kind: 'completed', result: undefined }, { kind: 'completed', result: undefined }, 'the same'],
    [{ kind: 'snoozed', delay: 5_000 }, { kind: 'snoozed', delay: 5_000 }, 'the same'],
    [{ kind: 'cancelled', reason: 'sold out' }, { kind: 'cancelled', reason: 'sold out' }, 'the same'],
    [{ kind: 'interrupted' }, { kind: 'released' }, 'the same'],
    [failed, { kind: 'retry', delay: 3_600_000, error }, { kind: 'dead', reason: 'attempts', error }],
    [
      { ...failed, retryIn: 7 },
      { kind: 'retry', delay: 7, error },
      { kind: 'dead', reason: 'attempts', error },
    ],
    [
      { ...failed, retryIn: 0 },
      { kind: 'retry', delay: 0, error },
      { kind: 'dead', reason: 'attempts', error },
    ],
    [
      { ...failed, retryAt: '2030-01-01T00:00:00.000Z' },
      { kind: 'retry', at: '2030-01-01T00:00:00.000Z', error },
      { kind: 'dead', reason: 'attempts', error },
    ],
    [{ ...failed, permanent: true }, { kind: 'dead', reason: 'permanent', error }, 'the same'],
    [{ ...failed, permanent: true, retryIn: 7 }, { kind: 'dead', reason: 'permanent', error }, 'the same'],
  ])('%j: with attempts left %j, at the last %j', (outcome, withAttemptsLeft, atTheLast) => {
    expect(decide(outcome, attemptsLeft, hour)).toEqual(withAttemptsLeft)
    const expected = atTheLast === 'the same' ? withAttemptsLeft : atTheLast
    expect(decide(outcome, lastAttempt, hour)).toEqual(expected)
    expect(decide(outcome, beyond, hour)).toEqual(expected)
  })

  it('asks the backoff policy about what was thrown', () => {
    const asked: unknown[] = []
    const delayAfter = (...args: unknown[]): number => {
      asked.push(args)
      return 40
    }
    expect(decide(failed, attemptsLeft, delayAfter)).toMatchObject({ delay: 40 })
    expect(asked).toEqual([[thrown, attemptsLeft]])
  })

  it('does not ask the policy where the handler knows better, or nothing is retried', () => {
    const delayAfter = (): never => {
      throw new Error('asked')
    }
    const at = '2030-01-01T00:00:00.000Z'
    expect(decide({ ...failed, retryIn: 5 }, attemptsLeft, delayAfter)).toMatchObject({
      kind: 'retry',
      delay: 5,
    })
    expect(decide({ ...failed, retryAt: at }, attemptsLeft, delayAfter)).toMatchObject({ kind: 'retry', at })
    expect(decide({ ...failed, permanent: true }, attemptsLeft, delayAfter)).toMatchObject({ kind: 'dead' })
    expect(decide(failed, lastAttempt, delayAfter)).toMatchObject({ kind: 'dead' })
  })
})
