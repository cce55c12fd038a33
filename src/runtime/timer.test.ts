import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startTimer } from './timer.ts'

const LONGEST_OF_NODE = 2_147_483_647
const DAY = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a timer', () => {
  it.each([1, 1_000, LONGEST_OF_NODE, LONGEST_OF_NODE + 1, 3 * LONGEST_OF_NODE + 5, 400 * DAY])(
    'fires once, %d ms from now and not before',
    (ms) => {
      const fire = vi.fn<() => void>()
      startTimer(ms, fire)
      vi.advanceTimersByTime(ms - 1)
      expect(fire).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(fire).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(ms)
      expect(fire).toHaveBeenCalledTimes(1)
    },
  )

  it('never asks Node for more than Node can do', () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout')
    startTimer(100 * LONGEST_OF_NODE, () => undefined)
    vi.advanceTimersByTime(2 * LONGEST_OF_NODE)
    expect(setTimeout.mock.calls.map(([, ms]) => ms)).toEqual([
      LONGEST_OF_NODE,
      LONGEST_OF_NODE,
      LONGEST_OF_NODE,
    ])
    setTimeout.mockRestore()
  })

  it.each([0, -1, -Infinity])('fires at the next turn after %d ms, never within the call', (ms) => {
    const fire = vi.fn<() => void>()
    startTimer(ms, fire)
    expect(fire).not.toHaveBeenCalled()
    vi.advanceTimersByTime(0)
    expect(fire).toHaveBeenCalledTimes(1)
  })

  it('never fires after an infinite time, and holds nothing', () => {
    const timer = startTimer(Infinity, () => undefined)
    expect(vi.getTimerCount()).toBe(0)
    timer.stop()
  })

  it.each([1_000, 3 * LONGEST_OF_NODE])('does not fire once it is stopped (%d ms)', (ms) => {
    const fire = vi.fn<() => void>()
    const timer = startTimer(ms, fire)
    // In the last of its parts.
    vi.advanceTimersByTime(ms - 1)
    timer.stop()
    timer.stop()
    vi.advanceTimersByTime(ms)
    expect(fire).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })
})
