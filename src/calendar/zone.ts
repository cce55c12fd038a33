// How far a time zone's clocks are from UTC, and when that changes. What a zone does is the library's to know; here it is
// remembered by the day, so that a schedule with seconds asks once a day.
import { Temporal } from 'temporal-polyfill'

/** Milliseconds. */
const DAY = 86_400_000
const MOST_DAYS = 8_192

/** The clocks are changed: from this instant on they show `after` ms more than UTC, and `before` until then. */
export interface Transition {
  readonly at: number
  readonly before: number
  readonly after: number
}

/** What holds around an instant. */
export interface Segment {
  /** What the clocks show more than UTC, in ms. */
  readonly offset: number
  /** The latest change, where it is no longer ago than a day at least. */
  readonly start: Transition | undefined
  /** The next change, where it comes within a day at least. */
  readonly end: Transition | undefined
}

interface ZoneDay {
  readonly offset: number
  readonly transition: Transition | undefined
}

export class Zone {
  readonly #name: string
  readonly #days = new Map<number, ZoneDay>()

  constructor(name: string) {
    this.#name = name
  }

  /** Instants in ms since 1970. */
  segmentAt(instant: number): Segment {
    const day = Math.floor(instant / DAY)
    const today = this.#day(day)
    const isBehind = today.transition !== undefined && today.transition.at <= instant
    // A whole day may be missing: what was to come in it comes on the next one.
    const start = isBehind
      ? today.transition
      : (this.#day(day - 1).transition ?? this.#day(day - 2).transition)
    const end = isBehind || today.transition === undefined ? this.#day(day + 1).transition : today.transition
    return { offset: isBehind ? (today.transition?.after ?? 0) : today.offset, start, end }
  }

  /** Clocks are changed once in a day of UTC at the most. */
  #day(day: number): ZoneDay {
    const known = this.#days.get(day)
    if (known !== undefined) return known
    const at = day * DAY
    const offset = this.#days.get(day - 1)?.transition?.after ?? this.#offsetAt(at)
    const next = this.#offsetAt(at + DAY)
    const found: ZoneDay = {
      offset,
      transition:
        next === offset
          ? undefined
          : { at: this.#changeIn(at, at + DAY, offset), before: offset, after: next },
    }
    if (this.#days.size >= MOST_DAYS) this.#days.clear()
    this.#days.set(day, found)
    return found
  }

  /** The first second that has not `offset` any more. */
  #changeIn(from: number, to: number, offset: number): number {
    let low = from / 1_000
    let high = to / 1_000
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#offsetAt(middle * 1_000) === offset) low = middle
      else high = middle
    }
    return high * 1_000
  }

  #offsetAt(instant: number): number {
    const zoned = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(this.#name)
    return zoned.offsetNanoseconds / 1_000_000
  }
}
