import { describe, expect, it } from 'vitest'
import { Lane } from './lane.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

function buffer(lane: Lane, count: number): void {
  for (let n = 0; n < count; n++) lane.buffer.push(claimedJob(String(n)))
}

/** Runs `count` jobs of `duration` ms each through the lane, all within the span that ends `now`. */
function work(lane: Lane, count: number, duration: number, now: number): void {
  for (let n = 0; n < count; n++) {
    buffer(lane, 1)
    lane.next(now)
    lane.ended(duration)
  }
}

describe('how many to claim', () => {
  it('is as many as there are slots, at first', () => {
    expect(new Lane(10, 0).room(0)).toBe(10)
  })

  it('is as many as there are free slots while handlers are slow', () => {
    const lane = new Lane(10, 0)
    work(lane, 200, 1_000, 20_000)
    expect(lane.room(20_000)).toBe(10)
    buffer(lane, 7)
    for (let n = 0; n < 7; n++) lane.next(20_000)
    expect(lane.room(20_001)).toBe(3)
    buffer(lane, 3)
    for (let n = 0; n < 3; n++) lane.next(20_001)
    expect(lane.room(20_002)).toBe(0)
  })

  it.each([1, 2, 5, 10, 39])('is never ahead for handlers of a second, with %d slots', (slots) => {
    const lane = new Lane(slots, 0)
    for (let now = 1_000; now < 20_000; now += 1_000) {
      work(lane, slots, 1_000, now)
      expect(lane.room(now)).toBe(slots)
    }
  })

  it('is what quick handlers take in 25 ms ahead of the slots', () => {
    const lane = new Lane(10, 0)
    // A millisecond each: ten jobs per ms are possible, and as many ended.
    work(lane, 1_000, 1, 100)
    expect(lane.room(100)).toBe(10 + 250)
  })

  it('is twice of what ended lately ahead, where that is less', () => {
    const lane = new Lane(10, 0)
    work(lane, 100, 1, 100)
    expect(lane.room(100)).toBe(10 + 50)
  })

  it('is a thousand at the most, however quick the handlers and many the slots', () => {
    const quick = new Lane(10, 0)
    work(quick, 50_000, 0.001, 10)
    expect(quick.room(10)).toBe(1_000)
    expect(new Lane(10_000, 0).room(0)).toBe(1_000)
  })

  it('never makes more than a thousand wait', () => {
    const lane = new Lane(10, 0)
    work(lane, 50_000, 0.001, 10)
    buffer(lane, lane.room(10))
    for (let n = 0; n < 510; n++) {
      lane.next(10)
      lane.ended(0.001)
    }
    lane.running = 10
    expect(lane.buffer.size).toBe(490)
    expect(lane.room(20)).toBe(510)
  })

  it('is nothing while enough waits, and goes on when half of that is used up', () => {
    const lane = new Lane(10, 0)
    work(lane, 1_000, 1, 100)
    buffer(lane, lane.room(100))
    for (let n = 0; n < 10; n++) lane.next(100)
    expect(lane.buffer.size).toBe(250)
    expect(lane.room(101)).toBe(0)
    lane.buffer.takeLast(124)
    expect([lane.isLow, lane.room(101)]).toEqual([false, 0])
    lane.buffer.takeLast(1)
    expect(lane.isLow).toBe(true)
  })

  it('is nothing while the lane is known to be dry, until it is woken', () => {
    const lane = new Lane(10, 0)
    lane.dry = true
    expect([lane.isLow, lane.room(0)]).toEqual([false, 0])
    lane.wake()
    expect([lane.heard, lane.dry, lane.room(0)]).toEqual([true, false, 10])
  })
})

describe('the next job', () => {
  it('is the one that waits longest, while there is a slot', () => {
    const lane = new Lane(2, 0)
    buffer(lane, 3)
    expect([lane.next(0)?.id, lane.next(0)?.id, lane.next(0)]).toEqual(['0', '1', undefined])
    expect([lane.running, lane.buffer.size]).toEqual([2, 1])
    lane.ended(5)
    expect([lane.next(0)?.id, lane.running, lane.next(0)]).toEqual(['2', 2, undefined])
  })

  it('is none where none waits, and takes no slot', () => {
    const lane = new Lane(2, 0)
    expect([lane.next(0), lane.running]).toEqual([undefined, 0])
  })
})

describe('what goes back', () => {
  it('is nothing while handlers will get to it within half a second', () => {
    const lane = new Lane(10, 0)
    work(lane, 1_000, 1, 100)
    buffer(lane, 250)
    lane.next(100)
    expect(lane.takeExcess(600)).toEqual([])
    expect(lane.buffer.size).toBe(249)
  })

  it('is what handlers that have become slow will not get to, the latest first to go', () => {
    const lane = new Lane(10, 0)
    // 1,000 ms each, ten at a time: five in half a second.
    work(lane, 100, 1_000, 100)
    buffer(lane, 250)
    expect(lane.takeExcess(600).map(({ id }) => id)).toEqual(
      Array.from({ length: 245 }, (_, index) => String(index + 5)),
    )
    expect(lane.buffer.size).toBe(5)
    expect(lane.takeExcess(600)).toEqual([])
  })

  it('is all that waits once no slot has opened for half a second, however quick handlers were', () => {
    const lane = new Lane(10, 0)
    work(lane, 1_000, 1, 100)
    buffer(lane, 250)
    for (let n = 0; n < 10; n++) lane.next(100)
    expect(lane.takeExcess(600)).toEqual([])
    expect(lane.takeExcess(601)).toHaveLength(240)
    expect(lane.buffer.size).toBe(0)
  })
})
