import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'
import { ProgressWriter } from './progress-writer.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A writer whose database takes what it is given, as `id:done`, a statement each. */
function open(): { readonly writer: ProgressWriter; readonly written: string[][] } {
  const written: string[][] = []
  const writer = new ProgressWriter({
    store: {
      storeProgress: (words) => {
        written.push(words.map(({ id, done }) => `${id}:${done}`))
        return Promise.resolve()
      },
    },
    now: () => Date.now(),
    onWeather: (error) => {
      throw error
    },
  })
  return { writer, written }
}

const jobs = (count: number): ClaimedJob[] =>
  Array.from({ length: count }, (_, n) => claimedJob(String(n + 1)))

const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1)

describe('what handlers say', () => {
  it('arms one timer, however many say something and however often', async () => {
    const { writer, written } = open()
    const arm = vi.spyOn(globalThis, 'setTimeout')
    for (const job of jobs(300)) for (let done = 1; done <= 3; done++) writer.report(job, done, 3, undefined)
    expect(arm).toHaveBeenCalledTimes(1)
    await soon()
    expect(written).toEqual([jobs(300).map(({ id }) => `${id}:3`)])
  })

  it('waits for a second after the word before, while the first of another job does not', async () => {
    const { writer, written } = open()
    const [one = claimedJob('1'), other = claimedJob('2')] = jobs(2)
    writer.report(one, 1, 9, undefined)
    await soon()
    writer.report(one, 2, 9, undefined)
    await vi.advanceTimersByTimeAsync(400)
    writer.report(other, 1, 9, undefined)
    await soon()
    expect(written).toEqual([['1:1'], ['2:1']])
    await vi.advanceTimersByTimeAsync(600)
    expect(written).toEqual([['1:1'], ['2:1'], ['1:2']])
  })

  it('at last is written when the handler has ended, and each word once', async () => {
    const { writer, written } = open()
    const [one = claimedJob('1')] = jobs(1)
    writer.report(one, 1, 2, undefined)
    await soon()
    writer.report(one, 2, 2, undefined)
    writer.ended(one)
    await soon()
    expect(written).toEqual([['1:1'], ['1:2']])
    await vi.advanceTimersByTimeAsync(5_000)
    await writer.flushed()
    expect(written).toHaveLength(2)
  })

  it('while the database is at work goes in the next statement', async () => {
    const { writer, written } = open()
    const [one = claimedJob('1'), ...others] = jobs(700)
    for (const job of [one, ...others]) writer.report(job, 1, 1, undefined)
    await soon()
    await soon()
    expect(written.map(({ length }) => length)).toEqual([500, 200])
  })

  it('that could not be written goes with the next statement', async () => {
    const weather: unknown[] = []
    const written: number[] = []
    let isDown = true
    const writer = new ProgressWriter({
      store: {
        storeProgress: (words) => {
          if (isDown) return Promise.reject(new Error('connection reset'))
          written.push(...words.map(({ done }) => done))
          return Promise.resolve()
        },
      },
      now: () => Date.now(),
      onWeather: (error) => weather.push(error),
    })
    const [one = claimedJob('1')] = jobs(1)
    writer.report(one, 1, 2, undefined)
    await soon()
    expect(weather).toHaveLength(1)
    isDown = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(written).toEqual([1])
  })
})
