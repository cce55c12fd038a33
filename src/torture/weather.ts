import { KongTaskError } from '../core/errors.ts'

/** Whether the database was away or threw us out, and not of another opinion: what was asked may be asked again. */
export function isWeather(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof KongTaskError) return ['KT_DATABASE_UNAVAILABLE', 'KT_DEADLINE'].includes(error.code)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // Without an SQLSTATE it comes from the connection.
  return !/^[0-9A-Z]{5}$/.test(code) || /^(?:08|57P|53)/.test(code)
}
