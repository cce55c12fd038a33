// A cron pattern as sets of numbers, and the search for the next local time that is in them. Local time is written here as
// the milliseconds that this date and time would have in UTC: zones are not known here (src/calendar).
import { numberOf, numbersOf, partsOf, wrapped, type FieldKind, type FieldPart } from './cron-field.ts'
import { showText } from './show-value.ts'
import { SyntaxFlaw } from './syntax-flaw.ts'

/** When, by the local calendar. All numbers ascend. */
export interface CronPattern {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  /** Days of the month. */
  readonly days: ReadonlySet<number>
  /** The last day of each month is one of them. */
  readonly lastDay: boolean
  /** 1 is January. */
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** Weekdays at their place in the month, from 1; 0: its last one. */
  readonly nthWeekdays: readonly NthWeekday[]
}

interface NthWeekday {
  readonly weekday: number
  readonly nth: number
}

/** A piece of a pattern, with the place where it stands. */
export type PatternField = FieldPart

const WEEKDAYS = new Map(['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'].map((name, day) => [name, day]))
const MONTHS = new Map(
  ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'].map((name, index) => [
    name,
    index + 1,
  ]),
)
const SECOND: FieldKind = { name: 'second', least: 0, most: 59 }
const MINUTE: FieldKind = { name: 'minute', least: 0, most: 59 }
const HOUR: FieldKind = { name: 'hour', least: 0, most: 23 }
const DAY: FieldKind = { name: 'day of the month', least: 1, most: 31 }
const MONTH: FieldKind = { name: 'month', least: 1, most: 12, words: MONTHS }
const WEEKDAY: FieldKind = { name: 'day of the week', least: 0, most: 6, words: WEEKDAYS, wraps: true }

const ALL_DAYS = 31
const ALL_WEEKDAYS = 7
const ALL_HOURS = 24
const DAY_MS = 86_400_000
/** 29 February on a certain weekday, a fifth of its kind, comes back after 28 years, over a 2100 after 40 (2088, 2128). */
const MOST_MONTHS = 12 * 41

/**
 * Five fields (minute, hour, day of the month, month, day of the week), or six with the seconds before them. Every flaw
 * goes to `onFlaw`; undefined where there was one.
 */
export function readPattern(
  fields: readonly PatternField[],
  onFlaw: (flaw: SyntaxFlaw) => void,
): CronPattern | undefined {
  const [first] = fields
  if (first === undefined) return undefined
  const flaws: SyntaxFlaw[] = []
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof SyntaxFlaw)) throw error
      flaws.push(error)
      return otherwise
    }
  }
  const [second, minute = first, hour = first, day = first, month = first, weekday = first] =
    fields.length === 6 ? fields : [undefined, ...fields]
  const noDays: Days = { days: new Set(), lastDay: false }
  const noWeekdays: Weekdays = { weekdays: new Set(), nthWeekdays: [] }
  const pattern: CronPattern = {
    seconds: second === undefined ? [0] : attempt(() => numbersIn(second, SECOND), []),
    minutes: attempt(() => numbersIn(minute, MINUTE), []),
    hours: attempt(() => numbersIn(hour, HOUR), []),
    ...attempt(() => daysIn(day), noDays),
    months: new Set(attempt(() => numbersIn(month, MONTH), [])),
    ...attempt(() => weekdaysIn(weekday), noWeekdays),
  }
  if (flaws.length === 0 && localFrom(pattern, Date.UTC(2000, 0, 1)) === undefined) {
    flaws.push(new SyntaxFlaw(day.at, 'no month of these has such a day, so it would never come'))
  }
  for (const flaw of flaws) onFlaw(flaw)
  return flaws.length === 0 ? pattern : undefined
}

interface Days {
  readonly days: ReadonlySet<number>
  readonly lastDay: boolean
}

interface Weekdays {
  readonly weekdays: ReadonlySet<number>
  readonly nthWeekdays: readonly NthWeekday[]
}

function numbersIn(field: PatternField, kind: FieldKind): readonly number[] {
  const numbers = partsOf(field.text, field.at, kind).flatMap((part) => numbersOf(part, kind))
  return [...new Set(numbers)].toSorted((a, b) => a - b)
}

function daysIn(field: PatternField): Days {
  const parts = partsOf(field.text, field.at, DAY)
  const isLast = ({ text }: FieldPart): boolean => text.toUpperCase() === 'L'
  return {
    days: new Set(parts.filter((part) => !isLast(part)).flatMap((part) => numbersOf(part, DAY))),
    lastDay: parts.some(isLast),
  }
}

const NTH = /^(\w+)#(\d+)$/
const LAST = /^(\d|[A-Za-z]{3})L$/i

function weekdaysIn(field: PatternField): Weekdays {
  const weekdays: number[] = []
  const nthWeekdays: NthWeekday[] = []
  for (const part of partsOf(field.text, field.at, WEEKDAY)) {
    const { text, at } = part
    const [, lastDay] = LAST.exec(text) ?? []
    const [, nthDay, nth] = NTH.exec(text) ?? []
    if (lastDay !== undefined) {
      nthWeekdays.push({ weekday: wrapped(numberOf(lastDay, at, WEEKDAY), WEEKDAY), nth: 0 })
    } else if (nthDay !== undefined) {
      const number = Number(nth)
      if (number < 1 || number > 5) {
        throw new SyntaxFlaw(at, `${showText(text)} is none of the up to five of its kind in a month`)
      }
      nthWeekdays.push({ weekday: wrapped(numberOf(nthDay, at, WEEKDAY), WEEKDAY), nth: number })
    } else if (text.toUpperCase() === 'L') {
      throw new SyntaxFlaw(at, 'the last of which day? Write 5L or FRIL for the last Friday of the month')
    } else {
      weekdays.push(...numbersOf(part, WEEKDAY))
    }
  }
  return { weekdays: new Set(weekdays), nthWeekdays }
}

/** It says nothing of the hour, so it goes on evenly while clocks are changed. */
export function isOfEveryHour({ hours }: CronPattern): boolean {
  return hours.length === ALL_HOURS
}

/** The first local time of the pattern at or behind `from`, both in local milliseconds; undefined: it never comes. */
export function localFrom(pattern: CronPattern, from: number): number | undefined {
  const midnight = Math.floor(from / DAY_MS) * DAY_MS
  if (isOnDay(pattern, midnight)) {
    const time = timeFrom(pattern, from - midnight)
    if (time !== undefined) return midnight + time
  }
  const day = dayAfter(pattern, midnight)
  if (day === undefined) return undefined
  return day + (timeFrom(pattern, 0) ?? 0)
}

function dayAfter(pattern: CronPattern, midnight: number): number | undefined {
  let day = new Date(midnight + DAY_MS)
  for (let months = 0; months < MOST_MONTHS; months++) {
    const year = day.getUTCFullYear()
    const month = day.getUTCMonth()
    if (pattern.months.has(month + 1)) {
      const end = Date.UTC(year, month + 1, 1)
      for (let at = day.getTime(); at < end; at += DAY_MS) if (isOnDay(pattern, at)) return at
    }
    day = new Date(Date.UTC(year, month + 1, 1))
  }
  return undefined
}

/** As cron has it: where both kinds of day are restricted, either will do. */
function isOnDay(pattern: CronPattern, midnight: number): boolean {
  const date = new Date(midnight)
  if (!pattern.months.has(date.getUTCMonth() + 1)) return false
  const { days, weekdays, lastDay, nthWeekdays } = pattern
  const anyDay = days.size === ALL_DAYS
  const anyWeekday = weekdays.size === ALL_WEEKDAYS
  if (anyDay && anyWeekday) return true
  const day = date.getUTCDate()
  const length = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  const isDay = days.has(day) || (lastDay && day === length)
  const weekday = date.getUTCDay()
  const isWeekday =
    weekdays.has(weekday) ||
    nthWeekdays.some(
      (each) =>
        each.weekday === weekday &&
        (each.nth === 0 ? day + ALL_WEEKDAYS > length : Math.ceil(day / ALL_WEEKDAYS) === each.nth),
    )
  if (anyDay) return isWeekday
  return anyWeekday ? isDay : isDay || isWeekday
}

/** The first time of day of the pattern at or behind `from`, in milliseconds; a part of a second counts as the next one. */
function timeFrom({ hours, minutes, seconds }: CronPattern, from: number): number | undefined {
  const second = Math.ceil(from / 1_000)
  for (const hour of hours) {
    if (hour * 3_600 + 3_599 < second) continue
    for (const minute of minutes) {
      const start = hour * 3_600 + minute * 60
      if (start + 59 < second) continue
      for (const each of seconds) if (start + each >= second) return (start + each) * 1_000
    }
  }
  return undefined
}
