import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defaultBackoff,
  delayAfter,
  exponential,
  fixed,
  polynomial,
  type AttemptBackoff,
  type BackoffFailure,
  type BackoffPolicy,
} from './retry-policy.ts'

const SEED = 20_250_101
const YEAR = 365 * 24 * 3_600_000

function samples(policy: AttemptBackoff, attempt: number): number[] {
  return Array.from({ length: 2_000 }, () => policy(attempt))
}

describe('the default policy', () => {
  it.each([1, 2, 3, 10, 24])('waits attempt⁴ seconds ± 10 %% after attempt %d, evenly spread', (attempt) => {
    const expected = attempt ** 4 * 1_000
    const delays = samples(defaultBackoff, attempt)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(Math.round(expected * 0.9))
    expect(Math.max(...delays)).toBeLessThanOrEqual(Math.round(expected * 1.1))
    // All 2,000 in one half of the spread: that happens to nobody.
    expect(Math.min(...delays)).toBeLessThan(expected * 0.95)
    expect(Math.max(...delays)).toBeGreaterThan(expected * 1.05)
    expect(delays.every(Number.isInteger)).toBe(true)
  })

  it('takes about three weeks for 25 attempts', () => {
    const total = Array.from({ length: 24 }, (_, index) => defaultBackoff(index + 1))
      .map((delay) => delay / 86_400_000)
      .reduce((sum, days) => sum + days)
    expect(total).toBeGreaterThan(18)
    expect(total).toBeLessThan(23)
  })
})

describe('a policy without jitter', () => {
  it.each<readonly [string, AttemptBackoff, readonly number[]]>([
    ['exponential()', exponential({ jitter: 0 }), [1_000, 2_000, 4_000, 8_000]],
    [
      "exponential from '5s' by 3",
      exponential({ base: '5s', factor: 3, jitter: 0 }),
      [5_000, 15_000, 45_000],
    ],
    ['exponential by 1', exponential({ factor: 1, jitter: 0 }), [1_000, 1_000, 1_000]],
    ["exponential up to '3s'", exponential({ max: '3s', jitter: 0 }), [1_000, 2_000, 3_000, 3_000]],
    ['polynomial()', polynomial({ jitter: 0 }), [1_000, 16_000, 81_000, 256_000]],
    ['polynomial of 2', polynomial({ base: 10, power: 2, jitter: 0 }), [10, 40, 90]],
    ['polynomial of 0', polynomial({ power: 0, jitter: 0 }), [1_000, 1_000]],
    ["fixed('1m')", fixed('1m', { jitter: 0 }), [60_000, 60_000]],
    ['fixed(0)', fixed(0), [0, 0]],
  ])('%s', (_, policy, delays) => {
    expect(delays.map((_delay, index) => policy(index + 1))).toEqual(delays)
  })
})

describe('any policy', () => {
  const duration = fc.integer({ min: 0, max: 10 * YEAR })
  const limits = fc.record(
    { max: duration, jitter: fc.double({ min: 0, max: 1, noNaN: true }) },
    { requiredKeys: [] },
  )
  const policy = fc.oneof(
    fc
      .tuple(duration, fc.double({ min: 1, max: 100, noNaN: true }), limits)
      .map(([base, factor, rest]) => ({ max: rest.max, of: exponential({ base, factor, ...rest }) })),
    fc
      .tuple(duration, fc.double({ min: 0, max: 10, noNaN: true }), limits)
      .map(([base, power, rest]) => ({ max: rest.max, of: polynomial({ base, power, ...rest }) })),
    fc.tuple(duration, limits).map(([delay, rest]) => ({ max: rest.max, of: fixed(delay, rest) })),
  )

  it('answers whole milliseconds from 0 up to its longest delay, whichever attempt failed', () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 32_767 }), ({ max = YEAR, of }, attempt) => {
        const delay = of(attempt)
        expect(Number.isInteger(delay)).toBe(true)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(max)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('never waits where it begins with no delay, however often it doubles that', () => {
    expect(exponential({ base: 0 })(32_767)).toBe(0)
  })

  it('spreads its delays also where it has reached the longest', () => {
    const delays = samples(exponential({ max: '1h', jitter: 0.5 }), 50)
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_600_000)
    expect(Math.max(...delays)).toBeGreaterThan(3_400_000)
    expect(Math.min(...delays)).toBeLessThan(1_400_000)
  })
})

describe('a policy that is asked', () => {
  const failure: BackoffFailure = {
    job: { id: '7', task: 'work', queue: 'default', attempt: 2, maxAttempts: 25 },
    error: new RangeError('busy'),
  }

  it('sees the attempt that failed, the job and what was thrown', () => {
    const asked: unknown[] = []
    const policy: BackoffPolicy = (...args) => {
      asked.push(...args)
      return 5
    }
    expect(delayAfter(failure, policy)).toEqual({ delay: 5 })
    expect(asked).toEqual([2, failure])
  })

  it.each<readonly [unknown, number]>([
    [0, 0],
    [1.4, 1],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    [Infinity, YEAR],
    [1e300, YEAR],
    [10 * YEAR, YEAR],
    ['99w', YEAR],
  ])('may answer %s: %d ms', (answer, delay) => {
    expect(Reflect.apply(delayAfter, undefined, [failure, () => answer])).toEqual({ delay })
  })

  it('is the default, attempt⁴ seconds ± 10 %, where the task has none', () => {
    expect(isDefault(delayAfter(failure).delay)).toBe(true)
    expect(delayAfter(failure)).not.toHaveProperty('flaw')
  })

  const thrown = new TypeError('broken')
  const nonsense = expect.objectContaining({ code: 'KT_DURATION_INVALID' })
  it.each<readonly [string, () => unknown, unknown]>([
    [
      'throws',
      () => {
        throw thrown
      },
      thrown,
    ],
    ['answers NaN', () => Number.NaN, nonsense],
    ['answers a negative delay', () => -1, nonsense],
    ['answers minus infinity', () => -Infinity, nonsense],
    ['answers nothing', () => undefined, nonsense],
    ['answers what is no duration', () => 'soon', nonsense],
    ['answers a promise', () => Promise.resolve(5), nonsense],
    ['answers a promise that rejects, which would end the process', () => Promise.reject(thrown), nonsense],
  ])('and %s is replaced by the default, and it is said why', (_, policy, error) => {
    const asked: unknown = Reflect.apply(delayAfter, undefined, [failure, policy])
    expect(asked).toEqual({ delay: expect.any(Number), flaw: { error } })
    expect(asked).toSatisfy(({ delay }: { delay: number }) => isDefault(delay))
  })

  function isDefault(delay: number): boolean {
    return delay >= 14_400 && delay <= 17_600
  }
})

describe('options that make no sense', () => {
  it.each<readonly [string, () => unknown, string, string]>([
    ['jitter', () => exponential({ jitter: -0.1 }), 'KT_OPTION_INVALID', '"jitter"'],
    ['jitter', () => fixed(1, { jitter: 1.1 }), 'KT_OPTION_INVALID', '"jitter"'],
    ['jitter', () => polynomial({ jitter: Number.NaN }), 'KT_OPTION_INVALID', '"jitter"'],
    ['factor', () => exponential({ factor: 0.5 }), 'KT_OPTION_INVALID', '"factor"'],
    ['factor', () => exponential({ factor: Infinity }), 'KT_OPTION_INVALID', '"factor"'],
    ['power', () => polynomial({ power: -1 }), 'KT_OPTION_INVALID', '"power"'],
    ['power', () => Reflect.apply(polynomial, undefined, [{ power: '4' }]), 'KT_OPTION_INVALID', '"power"'],
    ['base', () => exponential({ base: -1 }), 'KT_DURATION_INVALID', '`base`'],
    ['base', () => polynomial({ base: 'soon' }), 'KT_DURATION_INVALID', '`base`'],
    ['max', () => exponential({ max: Number.NaN }), 'KT_DURATION_INVALID', '`max`'],
    ['max', () => Reflect.apply(fixed, undefined, [1, { max: null }]), 'KT_DURATION_INVALID', '`max`'],
    ['delay', () => fixed(-1), 'KT_DURATION_INVALID', '`delay`'],
    ['delay', () => Reflect.apply(fixed, undefined, []), 'KT_DURATION_INVALID', '`delay`'],
  ])('are refused at once: %s (%#)', (_, make, code, named) => {
    expect(make).toThrow(
      expect.objectContaining({ name: 'KongTaskError', code, message: expect.stringContaining(named) }),
    )
  })
})
