import { describe, expect, it } from 'vitest'
import type { ClaimEnd } from '../store/claim-jobs.ts'
import { LowWaterMarks, type MarkedClaim } from './low-water-marks.ts'

const INTERVAL = 2_000

/** Marks of one process, and a database whose claims take the numbers 10, 11, … at 100, 110, … µs. */
class Bench {
  now = 0
  readonly marks = new LowWaterMarks({ interval: INTERVAL, now: () => this.now })
  #claims = 0

  send(): MarkedClaim {
    return this.marks.forClaim()
  }

  /** `open`: the oldest transaction that has not ended, where that is not the claim itself. */
  answer(claim: MarkedClaim, end: Partial<ClaimEnd> & { readonly open?: number } = {}): void {
    const xid = 10 + this.#claims
    const now = 100 + 10 * this.#claims
    this.#claims += 1
    this.marks.answered(claim, {
      time: { now, xid, xmin: end.open ?? xid },
      paused: [],
      ends: [{ queue: 1, lane: -1, at: 0, id: '0' }],
      ...end,
    })
  }

  claim(end?: Partial<ClaimEnd> & { readonly open?: number }): void {
    this.answer(this.send(), end)
  }

  /** Those that there are: at the start of a lane stands none. */
  get places() {
    return this.send().marks.places.filter(({ at }) => at > 0)
  }
}

const everywhere = (at: number) => [{ queue: 1, lane: -1, at, id: '0' }]

describe('marks', () => {
  it('are made by the third claim: the second tells that the first has ended', () => {
    const bench = new Bench()
    bench.claim()
    bench.claim()
    expect(bench.places).toEqual([])
    bench.claim()
    expect(bench.places).toEqual(everywhere(100))
    bench.claim()
    expect(bench.places).toEqual(everywhere(110))
  })

  it('stay where they are while an older transaction is open', () => {
    const bench = new Bench()
    for (let n = 0; n < 4; n++) bench.claim()
    for (let n = 0; n < 1_000; n++) bench.claim({ open: 13 })
    expect(bench.places).toEqual(everywhere(120))
    bench.claim()
    bench.claim()
    // Of the times in between not all were kept.
    expect(bench.places[0]?.at).toBeGreaterThan(10_000)
  })

  it('are at the end of a claim in its lane, at the horizon in those before, and nowhere in those behind', () => {
    const bench = new Bench()
    for (let n = 0; n < 2; n++) bench.claim()
    bench.claim({ ends: [{ queue: 1, lane: 2, at: 50, id: '7' }] })
    expect(bench.places).toEqual([
      { queue: 1, lane: 0, at: 100, id: '0' },
      { queue: 1, lane: 1, at: 100, id: '0' },
      { queue: 1, lane: 2, at: 50, id: '7' },
    ])
  })

  it('are never above the horizon, however far the claim came', () => {
    const bench = new Bench()
    for (let n = 0; n < 2; n++) bench.claim()
    bench.claim({ ends: [{ queue: 1, lane: 0, at: 115, id: '7' }] })
    expect(bench.places).toEqual([{ queue: 1, lane: 0, at: 100, id: '0' }])
  })

  it('are none in a lane of what came back', () => {
    const bench = new Bench()
    for (let n = 0; n < 2; n++) bench.claim()
    bench.claim({ ends: [{ queue: 1, lane: 129, at: 50, id: '7' }] })
    expect(bench.places).toEqual([{ queue: 1, lane: 0, at: 100, id: '0' }])
  })

  it('are forgotten after a failure, and what was sent before it makes none', () => {
    const bench = new Bench()
    for (let n = 0; n < 3; n++) bench.claim()
    const sent = bench.send()
    bench.marks.forget()
    bench.answer(sent)
    expect(bench.places).toEqual([])
    bench.claim()
    expect(bench.places).toHaveLength(1)
  })

  it('begin anew where other tasks are paused', () => {
    const bench = new Bench()
    for (let n = 0; n < 3; n++) bench.claim({ ends: [{ queue: 2, lane: -1, at: 0, id: '0' }] })
    bench.claim({ paused: [5] })
    expect(bench.send().marks).toEqual({ places: everywhere(110), paused: [5] })
  })

  it('begin anew where the clock was put back', () => {
    const bench = new Bench()
    for (let n = 0; n < 4; n++) bench.claim()
    bench.claim({ time: { now: 20, xid: 14, xmin: 14 } })
    expect(bench.places).toEqual(everywhere(20))
  })
})

describe('a look without marks', () => {
  it('is due after the interval, once', () => {
    const bench = new Bench()
    for (let n = 0; n < 3; n++) bench.claim()
    bench.now = INTERVAL - 1
    expect(bench.places).toHaveLength(1)
    bench.now = INTERVAL
    const full = bench.send()
    expect(full.marks.places).toEqual([])
    bench.answer(full)
    expect(bench.places).toHaveLength(1)
  })

  it('that takes long is followed by fifty times as much without one', () => {
    const bench = new Bench()
    for (let n = 0; n < 3; n++) bench.claim()
    bench.now = INTERVAL
    const full = bench.send()
    bench.now += 100
    bench.answer(full)
    bench.now += 50 * 100 - 1
    expect(bench.places).toHaveLength(1)
    bench.now += 1
    expect(bench.places).toEqual([])
  })
})
