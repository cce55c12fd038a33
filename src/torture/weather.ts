import type { ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'

const CODES: ReadonlySet<ErrorCode> = new Set([
  'KT_DATABASE_UNAVAILABLE',
  'KT_CONNECTION_LOST',
  'KT_DEADLINE',
  'KT_STATEMENT_CANCELLED',
])

/** Whether the database was away or threw us out, and not of another opinion: what was asked may be asked again. */
export function isWeather(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof KongTaskError) return CODES.has(error.code)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // Without an SQLSTATE it comes from the connection.
  return !/^[0-9A-Z]{5}$/.test(code) || /^(?:08|57P|53)/.test(code)
}
