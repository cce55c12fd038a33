import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bell } from './bell.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** The names of those who woke, in the order in which they did. */
function sleepers(bell: Bell): {
  readonly woken: string[]
  readonly sleep: (name: string, ms?: number) => void
} {
  const woken: string[] = []
  return {
    woken,
    sleep: (name, ms) => void bell.sleep(ms).then(() => woken.push(name)),
  }
}

describe('a bell', () => {
  it('wakes whoever sleeps, and all of them', async () => {
    const bell = new Bell()
    const { woken, sleep } = sleepers(bell)
    sleep('a')
    sleep('b', 1_000)
    await vi.advanceTimersByTimeAsync(999)
    expect(woken).toEqual([])
    bell.ring()
    await vi.advanceTimersByTimeAsync(0)
    expect(woken).toEqual(['a', 'b'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets sleep to the end where nobody rings', async () => {
    const bell = new Bell()
    const { woken, sleep } = sleepers(bell)
    sleep('short', 100)
    sleep('long', 5_000)
    await vi.advanceTimersByTimeAsync(100)
    expect(woken).toEqual(['short'])
    await vi.advanceTimersByTimeAsync(4_900)
    expect(woken).toEqual(['short', 'long'])
  })

  it('keeps a ring while nobody sleeps for the next who does, and only for one', async () => {
    const bell = new Bell()
    const { woken, sleep } = sleepers(bell)
    bell.ring()
    bell.ring()
    sleep('first')
    sleep('second')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(woken).toEqual(['first'])
  })

  it('keeps no ring that somebody heard', async () => {
    const bell = new Bell()
    const { woken, sleep } = sleepers(bell)
    sleep('first')
    bell.ring()
    sleep('second')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(woken).toEqual(['first'])
  })

  it('keeps a ring behind a sleep that had already ended by itself', async () => {
    const bell = new Bell()
    const { woken, sleep } = sleepers(bell)
    sleep('first', 10)
    await vi.advanceTimersByTimeAsync(10)
    bell.ring()
    sleep('second')
    await vi.advanceTimersByTimeAsync(0)
    expect(woken).toEqual(['first', 'second'])
  })

  it('does not let sleep at all where the time is over already', async () => {
    const { woken, sleep } = sleepers(new Bell())
    sleep('late', -50)
    await vi.advanceTimersByTimeAsync(0)
    expect(woken).toEqual(['late'])
  })
})
