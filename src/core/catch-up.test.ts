import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GRACE, planTicks, type CatchUp } from './catch-up.ts'

const MINUTE = 60_000
const NOW = 1_000 * MINUTE

/** Ticks every so often, of which the first that nobody has dealt with was `missed` ago. */
function plan(catchUp: CatchUp, interval: number, missed: number, within = 120 * MINUTE, most = 100) {
  const tickAfter = (after: number): number => (Math.floor(after / interval) + 1) * interval
  const { fire, following } = planTicks(
    { catchUp, within, nextTick: tickAfter(NOW - missed - 1), tickAfter },
    NOW,
    most,
  )
  return {
    onTime: fire.filter(({ isCaughtUp }) => !isCaughtUp).map(({ at }) => (at - NOW) / MINUTE),
    caughtUp: fire.filter(({ isCaughtUp }) => isCaughtUp).map(({ at }) => (at - NOW) / MINUTE),
    following: following === undefined ? undefined : (following - NOW) / MINUTE,
  }
}

describe('a tick that is due', () => {
  it.each(['all', 'latest', 'none'] as const)('fires, and the next one comes behind it (%s)', (catchUp) => {
    expect(plan(catchUp, 10 * MINUTE, 0)).toEqual({ onTime: [0], caughtUp: [], following: 10 })
  })

  it('is on time for a minute, so that none is lost in a restart', () => {
    expect(plan('none', 20_000, GRACE)).toEqual({
      onTime: [-1, -2 / 3, -1 / 3, 0],
      caughtUp: [],
      following: 1 / 3,
    })
  })
})

describe('missed ticks', () => {
  it('none: are dropped', () => {
    expect(plan('none', 7 * MINUTE, 60 * MINUTE)).toEqual({ onTime: [], caughtUp: [], following: 1 })
  })

  it('latest: only the newest fires', () => {
    expect(plan('latest', 7 * MINUTE, 60 * MINUTE)).toEqual({ onTime: [], caughtUp: [-6], following: 1 })
  })

  it('latest: not even that where one is on time', () => {
    expect(plan('latest', 10 * MINUTE, 60 * MINUTE)).toEqual({ onTime: [0], caughtUp: [], following: 10 })
  })

  it('all: each fires, the oldest first', () => {
    expect(plan('all', 10 * MINUTE, 30 * MINUTE)).toEqual({
      onTime: [0],
      caughtUp: [-30, -20, -10],
      following: 10,
    })
  })

  it.each(['all', 'latest'] as const)('%s: none that is older than `within`', (catchUp) => {
    expect(plan(catchUp, 400 * MINUTE, 900 * MINUTE, 150 * MINUTE).caughtUp).toEqual([])
    expect(plan(catchUp, 400 * MINUTE, 900 * MINUTE, 250 * MINUTE).caughtUp).toEqual([-200])
  })

  it('latest: is found however rare and however long ago', () => {
    expect(plan('latest', 400 * MINUTE, 900 * MINUTE, Infinity).caughtUp).toEqual([-200])
  })

  it('all: come in batches, of which none is lost', () => {
    expect(plan('all', MINUTE, 30 * MINUTE, 120 * MINUTE, 4)).toEqual({
      onTime: [],
      caughtUp: [-30, -29, -28, -27],
      following: -26,
    })
  })
})

it('no tick fires twice, and with `all` none is left out, however often and late somebody looks', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<CatchUp>('all', 'latest', 'none'),
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 30 }),
      (catchUp, seconds, pauses) => {
        const interval = seconds * 1_000
        const tickAfter = (after: number): number => (Math.floor(after / interval) + 1) * interval
        const fired: number[] = []
        let now = 0
        let nextTick: number | undefined = tickAfter(0)
        for (const pause of pauses) {
          now += pause
          while (nextTick !== undefined && nextTick <= now) {
            const { fire, following } = planTicks({ catchUp, within: Infinity, nextTick, tickAfter }, now, 7)
            fired.push(...fire.map(({ at }) => at))
            nextTick = following
          }
        }
        expect(fired).toEqual([...new Set(fired)].toSorted((a, b) => a - b))
        expect(fired.every((at) => at <= now)).toBe(true)
        expect(catchUp !== 'all' || fired.length === Math.floor(now / interval)).toBe(true)
      },
    ),
    { seed: 20_261_123 },
  )
})
