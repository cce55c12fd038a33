import { KongTaskError } from './errors.ts'
import { showValue } from './show-value.ts'

/**
 * A length of time: milliseconds, or text of number and unit such as `'90s'`, `'10m'` or `'1h30m'`
 * (`ms`, `s`, `m`, `h`, `d`, `w`). From 0 to 100 years.
 */
export type Duration = number | string

const SYNTAX = /^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const LONGEST = 100 * 365.25 * 86_400_000

/**
 * Milliseconds, as a whole number.
 *
 * @param option what the value was given as, for the message
 * @throws KT_DURATION_INVALID
 */
export function parseDuration(value: unknown, option: string): number {
  const ms = typeof value === 'string' ? fromText(value) : value
  if (typeof ms !== 'number' || Number.isNaN(ms)) {
    throw refusal(option, value, 'is not a duration.')
  }
  if (ms < 0) throw refusal(option, value, 'is negative.')
  if (ms > LONGEST) throw refusal(option, value, 'is longer than 100 years.')
  return Math.round(ms)
}

/** The same, for what makes no sense at zero. */
export function parsePositiveDuration(value: unknown, option: string): number {
  const ms = parseDuration(value, option)
  if (ms === 0) throw refusal(option, value, 'must be longer than zero.')
  return ms
}

function fromText(text: string): number {
  if (text.length > 100 || !SYNTAX.test(text)) return Number.NaN
  let ms = 0
  for (const [, amount, unit] of text.matchAll(PART)) {
    ms += Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN)
  }
  return ms
}

function refusal(option: string, value: unknown, why: string): KongTaskError {
  const advice = "Give milliseconds, or a string like '90s', '10m' or '1h30m'."
  return new KongTaskError('KT_DURATION_INVALID', `\`${option}\`: ${showValue(value)} ${why} ${advice}`)
}
