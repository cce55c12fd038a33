import { parseTiming } from '../core/timing.ts'
import { nextTick } from './next-tick.ts'

/** When a schedule comes, in which zone. */
export interface Recurrence {
  readonly expression: string
  readonly tz: string
}

/**
 * The ticks of a schedule, one after the other; times in ms since 1970.
 *
 * @throws KT_SCHEDULE_INVALID; RangeError where this machine does not know the time zone
 */
export function ticksOf({ expression, tz }: Recurrence): (after: number) => number | undefined {
  const timing = parseTiming(expression)
  return (after) => nextTick(timing, tz, after)
}

/** The first tick behind an instant. @throws as `ticksOf` */
export function tickAfter(recurrence: Recurrence, instant: Date): Date | undefined {
  const at = ticksOf(recurrence)(instant.getTime())
  return at === undefined ? undefined : new Date(at)
}

/** The first `count` ticks behind an instant. @throws as `ticksOf` */
export function ticksAfter(recurrence: Recurrence, instant: Date, count: number): Date[] {
  const next = ticksOf(recurrence)
  const ticks: Date[] = []
  for (let at = next(instant.getTime()); at !== undefined && ticks.length < count; at = next(at)) {
    ticks.push(new Date(at))
  }
  return ticks
}
