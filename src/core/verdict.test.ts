import { describe, expect, it, vi } from 'vitest'
import { cancel, isCancel, isSnooze, snooze } from './verdict.ts'

describe('snooze', () => {
  it('says for how long, in milliseconds, and cannot be changed', () => {
    expect(snooze('5m').delay).toBe(300_000)
    expect(snooze(20).delay).toBe(20)
    expect(Object.isFrozen(snooze(1))).toBe(true)
  })

  it.each([-1, Number.NaN, 'later', null, undefined])('refuses %j as a duration', (delay) => {
    expect(() => Reflect.apply(snooze, undefined, [delay])).toThrow(
      expect.objectContaining({ code: 'KT_DURATION_INVALID', message: expect.stringContaining('snooze') }),
    )
  })
})

describe('cancel', () => {
  it('says why, and cannot be changed', () => {
    expect(cancel('sold out').reason).toBe('sold out')
    expect(Object.isFrozen(cancel('x'))).toBe(true)
  })
})

describe('telling verdicts from results', () => {
  it('knows one from the other, and both from anything that looks alike', () => {
    expect([isSnooze(snooze(1)), isCancel(snooze(1))]).toEqual([true, false])
    expect([isSnooze(cancel('')), isCancel(cancel(''))]).toEqual([false, true])
    for (const result of [undefined, null, 0, 'snooze', {}, { delay: 5 }, { reason: 'x' }, [], snooze]) {
      expect([isSnooze(result), isCancel(result)]).toEqual([false, false])
    }
  })

  it('knows those of another copy of the package', async () => {
    vi.resetModules()
    const copy = await import('./verdict.ts')
    expect(copy.snooze).not.toBe(snooze)
    expect(isSnooze(copy.snooze(5))).toBe(true)
    expect(isCancel(copy.cancel('x'))).toBe(true)
  })
})
