import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { askForFlags } from './forbidden-flags.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = (): Promise<readonly string[]> => new Promise(() => undefined)
const going = (): AbortSignal => new AbortController().signal

describe('asking which flags are forbidden', () => {
  it('answers what the function does, at once or later, and leaves nothing behind', async () => {
    expect(await askForFlags(() => ['gpu'], going())).toEqual(['gpu'])
    expect(await askForFlags(async () => ['gpu'], going())).toEqual(['gpu'])
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('fails as the function does', async () => {
    const refusal = new Error('no such flag')
    const refuse = (): never => {
      throw refusal
    }
    await expect(askForFlags(refuse, going())).rejects.toBe(refusal)
    await expect(askForFlags(() => Promise.reject(refusal), going())).rejects.toBe(refusal)
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is given up after ten seconds', async () => {
    const refused = askForFlags(never, going()).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await refused).toMatchObject({ code: 'KT_FLAGS_UNANSWERED' })
  })

  it('ends with the signal', async () => {
    const stopping = new AbortController()
    const asked = askForFlags(never, stopping.signal)
    stopping.abort()
    expect(await asked).toBeUndefined()
    expect(await askForFlags(never, stopping.signal)).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })
})
