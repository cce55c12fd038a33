// When a schedule comes next. The rules for days on which clocks are changed are in docs/schedules.md, and are held against
// a walk over all minutes of ten years (test/calendar, scripts/calendar.ts).
import { isOfEveryHour, localFrom, type CronPattern } from '../core/cron-pattern.ts'
import type { Timing } from '../core/timing.ts'
import { Zone, type Segment } from './zone.ts'

/** Milliseconds. */
const SECOND = 1_000
const DAY = 86_400_000

const zones = new Map<string, Zone>()

/**
 * The first tick behind `after`, in ms since 1970; always a whole second. Undefined where none comes within 41 years.
 *
 * @param timeZone one that `checkTimeZone` let pass
 * @throws RangeError where this machine does not know the time zone
 */
export function nextTick(timing: Timing, timeZone: string, after: number): number | undefined {
  if (timing.kind === 'every') return (Math.floor(after / timing.interval) + 1) * timing.interval
  return tickFrom(timing.pattern, zoneOf(timeZone), (Math.floor(after / SECOND) + 1) * SECOND)
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) zones.set(name, (zone = new Zone(name)))
  return zone
}

function tickFrom(pattern: CronPattern, zone: Zone, earliest: number): number | undefined {
  const goesOn = isOfEveryHour(pattern)
  for (let from = earliest; ;) {
    const segment = zone.segmentAt(from)
    const tick = goesOn ? evenTick(pattern, segment, from) : clockTick(pattern, segment, from)
    if (tick === undefined) return undefined
    const { end } = segment
    if (end !== undefined && tick >= end.at) {
      from = end.at
    } else if (tick < from + DAY) {
      return tick
    } else {
      // Nothing changes within a day. Far ahead, offsets differ, but by no more than a day.
      const far = tick - from
      from += far > 4 * DAY ? far - 2 * DAY : DAY
    }
  }
}

/** What is of every hour comes whenever the clocks show it, as often as they do. */
function evenTick(pattern: CronPattern, { offset }: Segment, from: number): number | undefined {
  const local = localFrom(pattern, from + offset)
  return local === undefined ? undefined : local - offset
}

/** What names hours comes once for each of its local times: the first time, or late by what the clocks left out. */
function clockTick(pattern: CronPattern, { offset, start }: Segment, from: number): number | undefined {
  const isRepeat = start !== undefined && start.after < start.before
  const earliest = isRepeat ? Math.max(from + offset, start.at + start.before) : from + offset
  const local = localFrom(pattern, earliest)
  if (local === undefined) return undefined
  const shifted = start === undefined ? undefined : shiftedTick(pattern, start, from)
  return Math.min(local - offset, shifted ?? Infinity)
}

/** Of the local times that the clocks left out, the next one, as if they had not been changed yet. */
function shiftedTick(
  pattern: CronPattern,
  { at, before, after }: NonNullable<Segment['start']>,
  from: number,
): number | undefined {
  const local = localFrom(pattern, Math.max(from, at) + before)
  return local !== undefined && local < at + after ? local - before : undefined
}
