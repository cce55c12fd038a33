import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Events } from '../core/events.ts'
import { Emitter } from '../runtime/emitter.ts'
import { rescue, rescueAbsent } from './rescuer.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const events = new Emitter<Events>(() => undefined)
const found = { workers: 1, jobs: 2 }
const absent = [{ worker: 7, heartbeat: 'then' }]
const { signal } = new AbortController()

describe('a rescue', () => {
  it('says which worker asks, for one that was away itself judges nobody', async () => {
    const rescueWorkers = vi.fn<(self?: number) => Promise<typeof found>>(() => Promise.resolve(found))
    expect(await rescue({ rescueWorkers }, events, () => 3)).toBe(2)
    expect(rescueWorkers.mock.calls).toEqual([[3]])
  })

  it('is left to others while our own lease is in doubt', async () => {
    const rescueWorkers = vi.fn<() => Promise<typeof found>>(() => Promise.resolve(found))
    expect(await rescue({ rescueWorkers }, events, () => undefined)).toBe(0)
    expect(rescueWorkers).not.toHaveBeenCalled()
  })
})

describe('a rescue of those who are gone', () => {
  const storeOf = () => ({
    findAbsentWorkers: vi.fn<() => Promise<typeof absent>>(() => Promise.resolve(absent)),
    rescueAbsentWorkers: vi.fn<(seen: unknown, self?: number) => Promise<typeof found>>(() =>
      Promise.resolve(found),
    ),
  })

  it('says which worker asks, a moment later', async () => {
    const store = storeOf()
    const rescued = rescueAbsent(store, events, () => 3, signal)
    await vi.runAllTimersAsync()
    await rescued
    expect(store.rescueAbsentWorkers.mock.calls).toEqual([[absent, 3]])
  })

  it('is left to others where our own lease has come into doubt in that moment', async () => {
    const store = storeOf()
    let self: number | undefined = 3
    const rescued = rescueAbsent(store, events, () => self, signal)
    await vi.advanceTimersByTimeAsync(0)
    self = undefined
    await vi.runAllTimersAsync()
    await rescued
    expect(store.rescueAbsentWorkers).not.toHaveBeenCalled()
  })
})
