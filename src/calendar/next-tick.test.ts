import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bruteForce, changesOf, clocksOf } from '../../test/calendar/brute-force.ts'
import { FROM, LINES, TO, ZONES } from '../../test/calendar/lines.ts'
import { parseTiming } from '../core/timing.ts'
import { nextTick } from './next-tick.ts'

const DAY = 86_400_000
const SEED = 20_261_123

function ticks(expression: string, zone: string, from: number, to: number): number[] {
  const timing = parseTiming(expression)
  const found: number[] = []
  for (
    let at = nextTick(timing, zone, from - 1);
    at !== undefined && at < to;
    at = nextTick(timing, zone, at)
  ) {
    found.push(at)
  }
  return found
}

const iso = (instants: readonly number[]): string[] => instants.map((at) => new Date(at).toISOString())

function disagreements(zone: string, from: number, to: number): string[] {
  return [...bruteForce(LINES, zone, from, to)].flatMap(([line, expected]) => {
    const actual = ticks(line, zone, from, to)
    const isSame =
      actual.length === expected.length && actual.every((tick, index) => tick === expected[index])
    return isSame
      ? []
      : [
          `${line} in ${zone} from ${new Date(from).toISOString()}: ${iso(actual).join(' ')}, not ${iso(expected).join(' ')}`,
        ]
  })
}

describe('ticks are those that a walk over all minutes finds', () => {
  it.each(ZONES)(
    'in %s, around each change of the clocks in ten years',
    (zone) => {
      const changes = changesOf(zone, FROM, TO)
      expect(changes.length).toBeGreaterThanOrEqual(18)
      for (const change of changes) expect(disagreements(zone, change - DAY / 2, change + DAY)).toEqual([])
    },
    120_000,
  )

  it.each(ZONES)(
    'in %s, on days picked at random',
    (zone) => {
      const days = fc.sample(fc.integer({ min: FROM / DAY, max: TO / DAY - 1 }), { numRuns: 6, seed: SEED })
      for (const day of days)
        expect(disagreements(zone, day * DAY, (day + 1) * DAY), `seed ${SEED}`).toEqual([])
    },
    120_000,
  )

  it('where a zone left out a whole day, and where one changed at half past', () => {
    const apia = Date.UTC(2011, 11, 30, 10)
    expect(changesOf('Pacific/Apia', apia - DAY, apia + DAY)).toHaveLength(1)
    expect(disagreements('Pacific/Apia', apia - 2 * DAY, apia + 2 * DAY)).toEqual([])
    const [caracas = 0] = changesOf('America/Caracas', Date.UTC(2016, 3, 1), Date.UTC(2016, 5, 1))
    expect(disagreements('America/Caracas', caracas - DAY, caracas + DAY)).toEqual([])
  })

  it('with seconds too, second by second', () => {
    const changes = [Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 9, 25, 1)]
    const clocks = clocksOf('Europe/Berlin')
    for (const change of changes) {
      const expected: number[] = []
      for (let at = change - 3_600_000; at < change + 3_600_000; at += 1_000) {
        if (new Date(clocks(at)).getUTCSeconds() % 20 === 0) expected.push(at)
      }
      expect(iso(ticks('*/20 * * * * *', 'Europe/Berlin', change - 3_600_000, change + 3_600_000))).toEqual(
        iso(expected),
      )
    }
  })
})

describe('on days on which clocks are changed', () => {
  const spring = Date.UTC(2026, 2, 28, 23)
  const autumn = Date.UTC(2026, 9, 24, 22)

  it('a time that there is not comes once, later by what the clocks left out', () => {
    expect(iso(ticks('30 2 * * *', 'Europe/Berlin', spring, spring + DAY))).toEqual([
      '2026-03-29T01:30:00.000Z',
    ])
  })

  it('a time that there is twice comes once, the first time', () => {
    expect(iso(ticks('30 2 * * *', 'Europe/Berlin', autumn, autumn + DAY))).toEqual([
      '2026-10-25T00:30:00.000Z',
    ])
  })

  it('two times that fall on one instant are one tick', () => {
    expect(iso(ticks('30 2,3 * * *', 'Europe/Berlin', spring, spring + DAY))).toEqual([
      '2026-03-29T01:30:00.000Z',
    ])
  })

  it('what names no hours goes on evenly', () => {
    for (const day of [spring, autumn]) {
      const found = ticks('*/15 * * * *', 'Europe/Berlin', day, day + DAY)
      expect(found).toHaveLength(96)
    }
  })
})

describe('@every', () => {
  it('counts from 1970, whatever the zone and whoever asks', () => {
    expect(ticks('@every 90s', 'Europe/Berlin', 0, 300_000)).toEqual([0, 90_000, 180_000, 270_000])
  })
})

describe('what is rare', () => {
  it('is found years ahead, and quickly', () => {
    const after = Date.UTC(2097, 0, 1)
    expect(iso([nextTick(parseTiming('0 0 29 2 *'), 'Europe/Berlin', after) ?? 0])).toEqual([
      '2104-02-28T23:00:00.000Z',
    ])
  })
})
