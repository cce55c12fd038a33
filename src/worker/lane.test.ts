import { describe, expect, it } from 'vitest'
import { Lane } from './lane.ts'
import { claimedJob } from '../../test/support/claimed-job.ts'

function buffer(lane: Lane, count: number): void {
  for (let n = 0; n < count; n++) lane.buffer.push(claimedJob(String(n)))
}

/** What a claim would ask for; it comes to nothing. */
function room(lane: Lane, now: number): number {
  const asked = lane.ask(now)
  if (asked !== undefined) lane.answered(asked, false, now)
  return asked?.count ?? 0
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
    expect(room(new Lane(10, 0), 0)).toBe(10)
  })

  it('is as many as there are free slots while handlers are slow', () => {
    const lane = new Lane(10, 0)
    work(lane, 200, 1_000, 20_000)
    expect(room(lane, 20_000)).toBe(10)
    buffer(lane, 7)
    for (let n = 0; n < 7; n++) lane.next(20_000)
    expect(room(lane, 20_001)).toBe(3)
    buffer(lane, 3)
    for (let n = 0; n < 3; n++) lane.next(20_001)
    expect(room(lane, 20_002)).toBe(0)
  })

  it.each([1, 2, 5, 10, 39])('is never ahead for handlers of a second, with %d slots', (slots) => {
    const lane = new Lane(slots, 0)
    for (let now = 1_000; now < 20_000; now += 1_000) {
      work(lane, slots, 1_000, now)
      expect(room(lane, now)).toBe(slots)
    }
  })

  it('is what quick handlers take in 25 ms ahead of the slots', () => {
    const lane = new Lane(10, 0)
    // A millisecond each: ten jobs per ms are possible, and as many ended.
    work(lane, 1_000, 1, 100)
    expect(room(lane, 100)).toBe(10 + 250)
  })

  it('is what they take in twice the time that claims take, where these are slow', () => {
    const lane = new Lane(10, 0)
    work(lane, 100_000, 1, 10_000)
    for (let n = 0; n < 100; n++) {
      const asked = lane.ask(10_000)
      if (asked !== undefined) lane.answered(asked, false, 10_000 + 40)
    }
    expect(room(lane, 10_000)).toBe(10 + 799)
  })

  it('is twice of what ended lately ahead, where that is less', () => {
    const lane = new Lane(10, 0)
    work(lane, 100, 1, 100)
    expect(room(lane, 100)).toBe(10 + 50)
  })

  it('is a thousand at the most, however quick the handlers and many the slots', () => {
    const quick = new Lane(10, 0)
    work(quick, 50_000, 0.001, 10)
    expect(room(quick, 10)).toBe(1_000)
    expect(room(new Lane(10_000, 0), 0)).toBe(1_000)
  })

  it('never makes more than two thousand wait', () => {
    const lane = new Lane(10, 0)
    work(lane, 50_000, 0.001, 10)
    expect(room(lane, 10)).toBe(1_000)
    buffer(lane, 1_000)
    work(lane, 50_000, 0.001, 20)
    lane.running = 10
    expect(room(lane, 20)).toBe(1_000)
    buffer(lane, 500)
    expect(room(lane, 20)).toBe(0)
  })

  it('is nothing while enough waits, and goes on when half of that is used up', () => {
    const lane = new Lane(10, 0)
    work(lane, 1_000, 1, 100)
    buffer(lane, room(lane, 100))
    for (let n = 0; n < 10; n++) lane.next(100)
    expect(lane.buffer.size).toBe(250)
    expect(room(lane, 101)).toBe(0)
    lane.buffer.takeLast(124)
    expect([lane.isLow, room(lane, 101)]).toEqual([false, 0])
    lane.buffer.takeLast(1)
    expect(lane.isLow).toBe(true)
  })

  it('counts what a claim on its way will bring, so that a second one asks for the rest', () => {
    const lane = new Lane(10, 0)
    work(lane, 50_000, 0.001, 10)
    const first = lane.ask(10)
    expect([first?.count, lane.ask(10)?.count, lane.ask(10)]).toEqual([1_000, 1_000, undefined])
    if (first !== undefined) lane.answered(first, false, 10)
    expect(lane.ask(10)?.count).toBe(1_000)
  })

  it('is nothing for one at a time while a claim is on its way: the second could overtake the first', () => {
    const lane = new Lane(1, 0)
    work(lane, 50_000, 0.001, 10)
    expect([lane.ask(10)?.count, lane.ask(10)]).toEqual([1_000, undefined])
  })
})

describe('a lane asks when the next job falls due', () => {
  /** Whether a claim asked for that, and was told where there was less than it asked for. */
  function isSurvey(lane: Lane, { dry }: { dry: boolean }): boolean | undefined {
    const asked = lane.ask(0)
    if (asked !== undefined) lane.answered(asked, dry, 0)
    return asked?.isSurvey
  }

  it('until it has been told', () => {
    const lane = new Lane(10, 0)
    expect(isSurvey(lane, { dry: false })).toBe(true)
    expect(isSurvey(lane, { dry: true })).toBe(true)
    lane.wake(true)
    expect(isSurvey(lane, { dry: true })).toBe(false)
  })

  it('again after there was as much as it asked for: behind that may be more, for which it must look with care', () => {
    const lane = new Lane(10, 0)
    expect(isSurvey(lane, { dry: true })).toBe(true)
    lane.wake(true)
    expect(isSurvey(lane, { dry: false })).toBe(false)
    expect(isSurvey(lane, { dry: true })).toBe(true)
    lane.wake(true)
    expect(isSurvey(lane, { dry: true })).toBe(false)
  })

  it('again when something may fall due that it has not heard of, also while a claim is on its way', () => {
    const lane = new Lane(10, 0)
    const asked = lane.ask(0)
    lane.wake()
    if (asked !== undefined) lane.answered(asked, true, 0)
    expect(isSurvey(lane, { dry: true })).toBe(true)
    lane.wake(true)
    expect(isSurvey(lane, { dry: true })).toBe(false)
    lane.wake()
    expect(isSurvey(lane, { dry: true })).toBe(true)
  })
})

describe('a lane that is dry', () => {
  /** A claim that is answered with fewer jobs than were asked for, after what happens `meanwhile`. */
  function dryUp(lane: Lane, meanwhile: () => void = () => undefined): void {
    const asked = lane.ask(0)
    meanwhile()
    if (asked !== undefined) lane.answered(asked, true, 0)
  }

  it('asks for nothing until it is woken', () => {
    const lane = new Lane(10, 0)
    dryUp(lane)
    expect([lane.isLow, room(lane, 0)]).toEqual([false, 0])
    lane.wake()
    expect([lane.isLow, room(lane, 0)]).toEqual([true, 10])
  })

  it('is not where something was heard of while the claim was on its way', () => {
    const lane = new Lane(10, 0)
    dryUp(lane, () => lane.wake())
    expect(lane.isLow).toBe(true)
  })

  it('is not where another claim was sent for that, however that is answered', () => {
    const lane = new Lane(10, 0)
    work(lane, 50_000, 0.001, 10)
    const early = lane.ask(10)
    lane.wake()
    const late = lane.ask(10)
    if (late !== undefined) lane.answered(late, false, 10)
    if (early !== undefined) lane.answered(early, true, 10)
    expect([early?.count, late?.count, lane.isLow]).toEqual([1_000, 1_000, true])
  })
})

describe('the only job that is ready', () => {
  const job = { queue: 1, id: '7' }

  function dried(): Lane {
    const lane = new Lane(10, 0)
    const asked = lane.ask(0)
    if (asked !== undefined) lane.answered(asked, true, 0)
    return lane
  }

  it('is the one of which a lane was told that was dry', () => {
    const lane = dried()
    lane.wake(true, job)
    expect(lane.ask(0)).toMatchObject({ told: job, count: 10 })
  })

  it('is known for one claim', () => {
    const lane = dried()
    lane.wake(true, job)
    const asked = lane.ask(0)
    if (asked !== undefined) lane.answered(asked, false, 0)
    expect(lane.ask(0)?.told).toBeUndefined()
  })

  it.each<readonly [string, (lane: Lane) => void]>([
    ['another', (lane) => lane.wake(true, { queue: 1, id: '8' })],
    ['more than one', (lane) => lane.wake(true)],
    ['what falls due', (lane) => lane.wake()],
  ])('is unknown where one hears of %s as well, before or behind', (_, hear) => {
    const [before, behind] = [dried(), dried()]
    hear(before)
    before.wake(true, job)
    behind.wake(true, job)
    hear(behind)
    expect([before.ask(0)?.told, behind.ask(0)?.told]).toEqual([undefined, undefined])
  })

  it('is unknown where the lane was not dry', () => {
    const lane = new Lane(10, 0)
    lane.wake(true, job)
    expect(lane.ask(0)?.told).toBeUndefined()
  })

  it('is unknown where it is only known that something falls due', () => {
    const lane = dried()
    lane.wake(false, job)
    expect(lane.ask(0)?.told).toBeUndefined()
  })

  it('is unknown where a claim that was on its way found more', () => {
    const lane = new Lane(10, 0)
    work(lane, 50_000, 0.001, 10)
    const [early, late] = [lane.ask(10), lane.ask(10)]
    if (early !== undefined) lane.answered(early, true, 10)
    lane.wake(true, job)
    if (late !== undefined) lane.answered(late, false, 10)
    expect(lane.ask(10)).toMatchObject({ told: undefined })
  })
})

describe('what another process could run sooner', () => {
  it('is not what has a slot here', () => {
    const lane = new Lane(2, 0)
    for (const id of ['1', '2', '3']) lane.put(claimedJob(id), 0)
    expect(lane.takeExcess(60_000)).toMatchObject([{ id: '3' }])
  })

  it('is not what has only just come, however long nothing was started before', () => {
    const lane = new Lane(10, 0)
    work(lane, 10, 1, 10)
    lane.running = 10
    lane.put(claimedJob('1'), 60_000)
    expect(lane.takeExcess(60_400)).toEqual([])
    expect(lane.takeExcess(60_501)).toMatchObject([{ id: '1' }])
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
    lane.running = 10
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
