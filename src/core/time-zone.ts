import { KongTaskError } from './errors.ts'
import { showValue } from './show-value.ts'

/** @throws KT_OPTION_INVALID where there is no such zone, or it is an offset, which knows no daylight saving */
export function checkTimeZone(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z]/.test(value) && isKnown(value)) return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`tz\` must be a time zone such as 'Europe/Berlin' or 'UTC', not ${showValue(value)}. (An offset is no time zone; 'Etc/GMT-2' is two hours ahead of UTC.)`,
  )
}

function isKnown(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
