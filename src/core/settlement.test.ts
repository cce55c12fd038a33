import { describe, expect, it } from 'vitest'
import type { FailedAttempt, Outcome } from './outcome.ts'
import { decide, type SettlementFacts } from './settlement.ts'

const error: FailedAttempt = { name: 'Error', message: 'no answer' }
const failed = { kind: 'failed', error, permanent: false, retryIn: undefined } satisfies Outcome
const hour: SettlementFacts['backoff'] = () => 3_600_000

const attemptsLeft: SettlementFacts = { attempt: 2, maxAttempts: 3, backoff: hour }
const lastAttempt: SettlementFacts = { attempt: 3, maxAttempts: 3, backoff: hour }
const beyond: SettlementFacts = { attempt: 4, maxAttempts: 3, backoff: hour }

const YEAR = 365 * 24 * 3_600_000

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
    [{ ...failed, permanent: true }, { kind: 'dead', reason: 'permanent', error }, 'the same'],
    [{ ...failed, permanent: true, retryIn: 7 }, { kind: 'dead', reason: 'permanent', error }, 'the same'],
  ])('%j: with attempts left %j, at the last %j', (outcome, withAttemptsLeft, atTheLast) => {
    expect(decide(outcome, attemptsLeft)).toEqual(withAttemptsLeft)
    const expected = atTheLast === 'the same' ? withAttemptsLeft : atTheLast
    expect(decide(outcome, lastAttempt)).toEqual(expected)
    expect(decide(outcome, beyond)).toEqual(expected)
  })

  it('asks the backoff policy with the number of the attempt that failed', () => {
    const asked: number[] = []
    const backoff = (attempt: number): number => {
      asked.push(attempt)
      return attempt * 10
    }
    expect(decide(failed, { attempt: 4, maxAttempts: 9, backoff })).toMatchObject({ delay: 40 })
    expect(asked).toEqual([4])
  })

  it('does not ask the policy where the handler knows better, or nothing is retried', () => {
    const backoff = (): never => {
      throw new Error('asked')
    }
    const facts = { attempt: 1, maxAttempts: 2, backoff }
    expect(decide({ ...failed, retryIn: 5 }, facts)).toMatchObject({ kind: 'retry', delay: 5 })
    expect(decide({ ...failed, permanent: true }, facts)).toMatchObject({ kind: 'dead' })
    expect(decide(failed, { ...facts, attempt: 2 })).toMatchObject({ kind: 'dead' })
  })

  it('follows the default policy, attempt⁴ seconds ± 10 %, where there is no other', () => {
    const settlement = decide(failed, { attempt: 3, maxAttempts: 25, backoff: undefined })
    expect(settlement).toMatchObject({ kind: 'retry', error })
    expect(delayOf(settlement)).toBeGreaterThanOrEqual(72_900)
    expect(delayOf(settlement)).toBeLessThanOrEqual(89_100)
  })
})

describe('a broken backoff policy', () => {
  it.each<readonly [string, () => unknown]>([
    ['throws', () => Reflect.apply(JSON.parse, undefined, ['{'])],
    ['returns NaN', () => Number.NaN],
    ['returns a negative delay', () => -1],
    ['returns minus infinity', () => -Infinity],
    ['returns nothing', () => undefined],
    ['returns text', () => '5m'],
    ['returns a promise', () => Promise.resolve(5)],
  ])('that %s is replaced by the default one', (_, policy) => {
    const facts = { attempt: 2, maxAttempts: 25, backoff: policy }
    const settlement: unknown = Reflect.apply(decide, undefined, [failed, facts])
    expect(settlement).toMatchObject({ kind: 'retry', error })
    expect(delayOf(settlement)).toBeGreaterThanOrEqual(14_400)
    expect(delayOf(settlement)).toBeLessThanOrEqual(17_600)
  })

  it.each([Infinity, 1e300, 10 * YEAR])('that returns %d waits a year, the longest that is', (delay) => {
    expect(decide(failed, { ...attemptsLeft, backoff: () => delay })).toMatchObject({ delay: YEAR })
  })

  it('may as well ask for no delay at all', () => {
    expect(decide(failed, { ...attemptsLeft, backoff: () => 0 })).toMatchObject({ delay: 0 })
  })
})

function delayOf(settlement: unknown): unknown {
  return typeof settlement === 'object' && settlement !== null && 'delay' in settlement
    ? settlement.delay
    : undefined
}
