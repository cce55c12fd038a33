import { KongTaskError } from './errors.ts'
import { showValue } from './show-value.ts'

const SYNTAX =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/i
const LOOKS_LOCAL = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?$/i

/**
 * A point in time as ISO 8601 in UTC, from a `Date` or from an ISO 8601 string that carries its offset.
 *
 * @param option what the value was given as, for the message
 * @throws KT_DATE_INVALID also for days that no calendar has, and for years outside 1 to 9999
 */
export function parseInstant(value: unknown, option: string): string {
  const time = typeof value === 'string' ? fromText(value) : fromDate(value)
  if (Number.isNaN(time)) throw refusal(option, value, reason(value))
  const date = new Date(time)
  const year = date.getUTCFullYear()
  // Beyond these years JavaScript's and PostgreSQL's notations differ.
  if (!(year >= 1 && year <= 9999)) throw refusal(option, value, 'is outside the years 1 to 9999.')
  return date.toISOString()
}

function fromDate(value: unknown): number {
  try {
    return value instanceof Date ? value.getTime() : Number.NaN
  } catch {
    // A proxy, or an object that only inherits from Date.
    return Number.NaN
  }
}

// `Date.parse` takes 30 February for 2 March, and text without an offset for local time: so read it here.
function fromText(text: string): number {
  const match = SYNTAX.exec(text)
  if (match === null) return Number.NaN
  const part = (index: number): number => Number(match[index] ?? '0')
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  const offset = (part(9) * 60 + part(10)) * (match[8] === '-' ? -1 : 1)
  // PostgreSQL has no year 0.
  if (year === 0 || hour > 23 || minute > 59 || second > 59 || part(9) > 15 || part(10) > 59)
    return Number.NaN
  const midnight = dayInUtc(year, month, day)
  const fraction = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  return midnight + ((hour * 60 + minute - offset) * 60 + second) * 1_000 + fraction
}

function dayInUtc(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // A day that the month does not have is one of another month.
  return date.getUTCMonth() === month - 1 ? date.getTime() : Number.NaN
}

function reason(value: unknown): string {
  if (typeof value === 'string' && LOOKS_LOCAL.test(value))
    return 'has no offset, so it is not a point in time.'
  return 'is not a point in time.'
}

function refusal(option: string, value: unknown, why: string): KongTaskError {
  const advice = "Give a valid Date, or an ISO string with an offset, like '2026-09-01T08:00:00Z'."
  return new KongTaskError('KT_DATE_INVALID', `\`${option}\`: ${showValue(value)} ${why} ${advice}`)
}
