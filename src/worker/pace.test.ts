import { describe, expect, it } from 'vitest'
import { Pace } from './pace.ts'

/** A pace that has seen `count` handlers of `duration` ms each end since 0. */
function after(count: number, duration: number, concurrency = 10): Pace {
  const pace = new Pace(concurrency, 0)
  for (let n = 0; n < count; n++) pace.finished(duration)
  return pace
}

describe('the pace of a lane', () => {
  it('is nothing before the first handler has ended', () => {
    const pace = new Pace(10, 0)
    expect([pace.capacity, pace.rate(1_000)]).toEqual([0, 0])
  })

  it('is what all slots together could do, where as much has ended', () => {
    // 10 slots, 20 ms each: half a job per ms. In 1,000 ms 500 of them have ended.
    const pace = after(500, 20)
    expect(pace.capacity).toBe(0.5)
    expect(pace.rate(1_000)).toBe(0.5)
  })

  it('is twice what ended lately, where that is less: handlers keep the processor busy', () => {
    expect(after(100, 20).rate(1_000)).toBe(0.2)
    expect(after(1, 20).rate(1_000)).toBe(0.002)
  })

  it('counts anew from one question to the next', () => {
    const pace = after(100, 20)
    expect(pace.rate(1_000)).toBe(0.2)
    expect(pace.rate(2_000)).toBe(0)
    pace.finished(20)
    expect(pace.rate(2_100)).toBe(0.02)
  })

  it('stands, asked again within the same millisecond, and loses no count', () => {
    const pace = after(100, 20)
    expect(pace.rate(1_000)).toBe(0.2)
    pace.finished(20)
    expect(pace.rate(1_000.5)).toBe(0.2)
    expect(pace.rate(1_100)).toBe(0.02)
  })

  it('forgets how long handlers once took', () => {
    const pace = after(100, 1_000, 1)
    for (let n = 0; n < 50; n++) pace.finished(1)
    expect(pace.capacity).toBeGreaterThan(0.9)
    for (let n = 0; n < 50; n++) pace.finished(1_000)
    expect(pace.capacity).toBeLessThan(0.0011)
  })

  it('is finite for handlers that take no time at all', () => {
    const pace = after(50, 0)
    expect(Number.isFinite(pace.capacity)).toBe(true)
    expect(pace.rate(10)).toBe(10)
  })
})
