import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred } from './deferred.ts'
import { every } from './every.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const ignore = (): void => undefined

/** A chore that notes when it ran. */
function chore(): { readonly runs: number[]; readonly run: () => Promise<void> } {
  const start = Date.now()
  const runs: number[] = []
  return { runs, run: async () => void runs.push(Date.now() - start) }
}

describe('a chore done every second', () => {
  it('waits before the first time and between any two, a second ± 10 %', async () => {
    const { runs, run } = chore()
    await every(1_000, run, ignore).start()
    await vi.advanceTimersByTimeAsync(899)
    expect(runs).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    const waits = runs.map((at, index) => at - (runs[index - 1] ?? 0))
    expect(waits.length).toBeGreaterThan(50)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(900)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_101)
    expect(new Set(waits).size).toBeGreaterThan(10)
  })

  it('does not overlap itself: the interval begins when a run ends', async () => {
    const runs: ReturnType<typeof deferred>[] = []
    const run = (): Promise<void> => {
      const end = deferred()
      runs.push(end)
      return end.promise
    }
    await every(1_000, run, ignore).start()
    await vi.advanceTimersByTimeAsync(30_000)
    expect(runs).toHaveLength(1)
    runs[0]?.resolve(undefined)
    await vi.advanceTimersByTimeAsync(899)
    expect(runs).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(202)
    expect(runs).toHaveLength(2)
  })

  it.each<readonly [string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('is done again although it %s, and that is told', async (_, run) => {
    const errors: unknown[] = []
    await every(1_000, run, (error) => errors.push(String(error))).start()
    await vi.advanceTimersByTimeAsync(2_300)
    expect(errors).toEqual(['Error: no', 'Error: no'])
  })

  it('is done once a second also where it was started twice', async () => {
    const { runs, run } = chore()
    const service = every(1_000, run, ignore)
    await service.start()
    await service.start()
    await vi.advanceTimersByTimeAsync(1_101)
    expect(runs).toHaveLength(1)
  })

  it('is not done any more once it is stopped, and nothing is left waiting', async () => {
    const { runs, run } = chore()
    const service = every(1_000, run, ignore)
    await service.start()
    await vi.advanceTimersByTimeAsync(1_101)
    await service.stop()
    await service.stop()
    expect(vi.getTimerCount()).toBe(0)
    await service.start()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(runs).toHaveLength(1)
  })

  it('is told to end when it is stopped, and stopping waits for it', async () => {
    const end = deferred()
    let heard: AbortSignal | undefined
    const service = every(
      1_000,
      (signal) => {
        heard = signal
        return end.promise
      },
      ignore,
    )
    await service.start()
    await vi.advanceTimersByTimeAsync(1_101)
    expect(heard?.aborted).toBe(false)
    let stopped = false
    const stopping = service.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(0)
    expect([heard?.aborted, stopped]).toEqual([true, false])
    end.resolve()
    await stopping
    expect(stopped).toBe(true)
  })

  it('may be stopped without having been started', async () => {
    await every(1_000, () => Promise.reject(new Error('ran')), ignore).stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
