import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pause, retry } from './retry.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const weather = new Error('weather')

/** Work that fails so many times, and when it was tried. */
function failing(times: number): { readonly tries: number[]; readonly work: () => Promise<string> } {
  const start = Date.now()
  const tries: number[] = []
  return {
    tries,
    work: () => {
      tries.push(Date.now() - start)
      return tries.length <= times ? Promise.reject(weather) : Promise.resolve('done')
    },
  }
}

const always = { isTransient: () => true, onRetry: () => undefined }

/** How it ended; undefined while it has not. */
function ending(promise: Promise<unknown>): { readonly value: unknown } {
  const end: { value: unknown } = { value: undefined }
  promise.then(
    (value) => (end.value = value),
    (error: unknown) => (end.value = error),
  )
  return end
}

describe('trying again', () => {
  it('is not done for what works at once', async () => {
    const { tries, work } = failing(0)
    expect(await retry(work, always)).toBe('done')
    expect(tries).toEqual([0])
  })

  it('goes on until it works, and says each time what went wrong', async () => {
    const told: unknown[] = []
    const { tries, work } = failing(3)
    const end = ending(
      retry(work, { isTransient: (e) => e === weather, onRetry: (e, attempt) => told.push([e, attempt]) }),
    )
    await vi.advanceTimersByTimeAsync(1_000)
    expect(end.value).toBe('done')
    expect(tries).toHaveLength(4)
    expect(told).toEqual([
      [weather, 1],
      [weather, 2],
      [weather, 3],
    ])
  })

  it('ends at once where a second try cannot help', async () => {
    const fault = new Error('fault')
    const work = vi.fn<() => Promise<never>>(() => Promise.reject(fault))
    const onRetry = vi.fn<() => void>()
    await expect(retry(work, { isTransient: (e) => e !== fault, onRetry })).rejects.toBe(fault)
    expect([work, onRetry].map((call) => call.mock.calls.length)).toEqual([1, 0])
  })

  it('heeds work that throws instead of rejecting', async () => {
    const work = vi.fn<() => Promise<string>>().mockImplementationOnce(() => {
      throw weather
    })
    work.mockResolvedValueOnce('done')
    const end = ending(retry(work, always))
    await vi.advanceTimersByTimeAsync(50)
    expect(end.value).toBe('done')
  })

  it('waits 25 to 50 ms, twice that each time, and five seconds at the most', async () => {
    const { tries, work } = failing(Infinity)
    ending(retry(work, always))
    await vi.advanceTimersByTimeAsync(120_000)
    const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0))
    expect(waits.length).toBeGreaterThan(25)
    for (const [index, wait] of waits.entries()) {
      const ceiling = Math.min(5_000, 50 * 2 ** index)
      // The clock of the timers knows whole milliseconds.
      expect(wait).toBeGreaterThanOrEqual(Math.floor(ceiling / 2))
      expect(wait).toBeLessThanOrEqual(ceiling + 1)
    }
  })

  it('is done by those who failed together at different times, spread over half of the wait', async () => {
    const all = Array.from({ length: 50 }, () => failing(Infinity))
    const random = vi.spyOn(Math, 'random')
    for (const [index, { work }] of all.entries()) {
      random.mockReturnValueOnce(index / all.length)
      ending(retry(work, always))
      // The first failure, with the wait that it draws.
      await vi.advanceTimersByTimeAsync(0)
    }
    random.mockRestore()
    await vi.advanceTimersByTimeAsync(50)
    const seconds = all.map(({ tries }) => tries[1])
    expect(new Set(seconds).size).toBeGreaterThan(20)
    expect(Math.min(...seconds.map(Number))).toBeLessThanOrEqual(26)
    expect(Math.max(...seconds.map(Number))).toBeGreaterThanOrEqual(49)
  })

  it('ends when the signal aborts while it waits: with the last error, at once', async () => {
    const { tries, work } = failing(Infinity)
    const stop = new AbortController()
    const end = ending(retry(work, { ...always, signal: stop.signal }))
    await vi.advanceTimersByTimeAsync(0)
    stop.abort(new Error('not this one'))
    await vi.advanceTimersByTimeAsync(0)
    expect(end.value).toBe(weather)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(tries).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tries once, where the signal has aborted before', async () => {
    const { tries, work } = failing(Infinity)
    await expect(retry(work, { ...always, signal: AbortSignal.abort() })).rejects.toBe(weather)
    expect(tries).toHaveLength(1)
    expect(await retry(failing(0).work, { ...always, signal: AbortSignal.abort() })).toBe('done')
  })
})

describe('a pause', () => {
  it('lasts as long as it should', async () => {
    const end = ending(pause(1_000).then(() => 'over'))
    await vi.advanceTimersByTimeAsync(999)
    expect(end.value).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(end.value).toBe('over')
  })

  it('ends when the signal aborts, and is none where it has', async () => {
    const stop = new AbortController()
    const end = ending(pause(1_000, stop.signal).then(() => 'over'))
    stop.abort()
    await vi.advanceTimersByTimeAsync(0)
    expect(end.value).toBe('over')
    await pause(1_000, stop.signal)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no listener on the signal when it ends by itself', async () => {
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const end = ending(pause(10, signal).then(() => 'over'))
    await vi.advanceTimersByTimeAsync(10)
    expect(end.value).toBe('over')
    expect(remove.mock.calls).toEqual(add.mock.calls)
    expect(add).toHaveBeenCalledTimes(1)
  })
})
