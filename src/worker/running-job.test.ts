import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RunningJob } from './running-job.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const timeout = new Error('too late')
const shutdown = new Error('we stop')

function running(): { readonly job: RunningJob; readonly abandoned: ReturnType<typeof vi.fn> } {
  const job = new RunningJob(claimedJob('1'))
  const abandoned = vi.fn<() => void>()
  job.onAbandoned(abandoned)
  return { job, abandoned }
}

describe('the signal of a running job', () => {
  it('aborts with the reason, for those who have looked at it and those who look later', () => {
    const { job } = running()
    const early = job.signal
    expect(early.aborted).toBe(false)
    job.abort(timeout)
    expect([early.aborted, early.reason]).toEqual([true, timeout])
    expect(job.signal).toBe(early)

    const late = running().job
    late.abort(timeout)
    expect([late.signal.aborted, late.signal.reason]).toEqual([true, timeout])
  })

  it('keeps the first reason', () => {
    const { job } = running()
    expect(job.abortReason).toBeUndefined()
    job.abort(timeout)
    job.abort(shutdown)
    expect([job.abortReason, job.signal.reason]).toEqual([timeout, timeout])
  })

  it('aborts when its time is over, and not before', () => {
    const { job } = running()
    job.abortAfter(5_000, () => timeout)
    vi.advanceTimersByTime(4_999)
    expect(job.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(job.signal.reason).toBe(timeout)
  })
})

describe('patience', () => {
  it('lasts 30 s after the signal, then the handler is abandoned, once', () => {
    const { job, abandoned } = running()
    job.abort(timeout)
    vi.advanceTimersByTime(29_999)
    expect(abandoned).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(abandoned).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(60_000)
    expect(abandoned).toHaveBeenCalledTimes(1)
  })

  it('is as long as it is said to be', () => {
    const { job, abandoned } = running()
    job.abort(shutdown, 100)
    vi.advanceTimersByTime(100)
    expect(abandoned).toHaveBeenCalledTimes(1)
  })

  it('is shortened by a second abort, and never lengthened', () => {
    const { job, abandoned } = running()
    job.abort(timeout)
    job.abort(shutdown, 100)
    vi.advanceTimersByTime(100)
    expect(abandoned).toHaveBeenCalledTimes(1)

    const other = running()
    other.job.abort(shutdown, 100)
    vi.advanceTimersByTime(50)
    other.job.abort(timeout)
    vi.advanceTimersByTime(50)
    expect(other.abandoned).toHaveBeenCalledTimes(1)
  })

  it('is not needed for a handler that has ended', () => {
    const { job, abandoned } = running()
    job.abortAfter(1_000, () => timeout)
    job.abort(shutdown)
    job.end()
    vi.advanceTimersByTime(100_000)
    expect(abandoned).not.toHaveBeenCalled()
    expect([job.abortReason, vi.getTimerCount()]).toEqual([shutdown, 0])
  })

  it('does not begin where the handler has ended in time', () => {
    const { job } = running()
    job.abortAfter(1_000, () => timeout)
    job.end()
    vi.advanceTimersByTime(2_000)
    expect([job.abortReason, vi.getTimerCount()]).toEqual([undefined, 0])
  })
})

describe('a handler that returns', () => {
  it('is heard of by who asked before and by who asks later', () => {
    const { job } = running()
    const [early, late] = [vi.fn<() => void>(), vi.fn<() => void>()]
    job.onReturned(early)
    expect(early).not.toHaveBeenCalled()
    job.returned()
    job.onReturned(late)
    expect([early, late].map(({ mock }) => mock.calls.length)).toEqual([1, 1])
  })
})
