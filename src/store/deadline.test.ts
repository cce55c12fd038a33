import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { withinDeadline } from './deadline.ts'

const DAY = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Work that ends when the test says so. */
function workToEnd(): { work: Promise<string>; end: (result: string) => void } {
  let end: (result: string) => void = () => undefined
  const work = new Promise<string>((resolve) => (end = resolve))
  return { work, end }
}

describe('a deadline', () => {
  // 24.8 days are 2^31 ms, at which a timer of Node's fires at once.
  it.each([1, 20_000, 25 * DAY, 100 * DAY])('of %d ms passes then and not before', async (ms) => {
    const ended = vi.fn<(how: unknown) => void>()
    void withinDeadline(workToEnd().work, ms).then(ended, ended)
    await vi.advanceTimersByTimeAsync(ms - 1)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(ended).toHaveBeenCalledWith(expect.objectContaining({ code: 'KT_DEADLINE' }))
  })

  it('leaves the work and its error as they are, and no timer behind', async () => {
    const { work, end } = workToEnd()
    const within = withinDeadline(work, DAY)
    end('done')
    expect(await within).toBe('done')
    const error = new Error('refused')
    await expect(withinDeadline(Promise.reject(error), DAY)).rejects.toBe(error)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that has passed hears no error of the work any more', async () => {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('late')), 10))
    const caught = withinDeadline(late, 5).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(20)
    expect(await caught).toMatchObject({ code: 'KT_DEADLINE' })
  })
})
