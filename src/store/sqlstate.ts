import type { ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'

// Connection trouble, a server that stops or starts, resources that ran out, and conflicts that a second try resolves.
const TRANSIENT_CLASSES = new Set(['08', '40', '53', '57', '58'])
const TRANSIENT_CODES = new Set(['55P03', '25006', '25P03'])
// What explain-error.ts and deadline.ts make of these.
const TRANSIENT_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'KT_DEADLINE',
  'KT_DATABASE_UNAVAILABLE',
  'KT_CONNECTION_LOST',
  'KT_STATEMENT_CANCELLED',
])
// Values that PostgreSQL cannot take, constraints, and limits of size.
const DATA_CLASSES = new Set(['22', '23', '54'])
const NODE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
])
// node-postgres says these without a code.
const DRIVER_MESSAGES =
  /connection terminated|connection error|not queryable|client was closed|timeout exceeded when trying to connect|query read timeout/i

/**
 * Conflicts between transactions, and what functions and triggers raise: ours (KT001) and the application's own. As
 * with faulty data, the server has said that nothing was written, and it may be about one job of many.
 */
const REFUSALS = /^(?:40...|P0001|KT001)$/
/** Deadlock, and what REPEATABLE READ and SERIALIZABLE refuse. */
const CONFLICTS = new Set(['40P01', '40001'])
/** A prepared statement is not there, is there already, or answers with other columns than when it was prepared. */
const PREPARED_FAULTS = new Set(['26000', '42P05', '0A000'])

/** SQLSTATE with which claim_jobs says that this worker was declared dead. */
const LEASE_LOST = 'KT002'

/** Weather: the same call may well succeed a moment later. Anything else is a fault that repetition does not mend. */
export function isTransient(error: unknown): boolean {
  if (error instanceof KongTaskError) return TRANSIENT_ERRORS.has(error.code)
  if (error instanceof AggregateError) return error.errors.some(isTransient)
  const code = codeOf(error)
  if (code !== undefined) {
    return TRANSIENT_CLASSES.has(code.slice(0, 2)) || TRANSIENT_CODES.has(code) || NODE_CODES.has(code)
  }
  return error instanceof Error && DRIVER_MESSAGES.test(error.message)
}

/** The statement itself cannot be executed with these values, now or later. */
export function isDataFault(error: unknown): boolean {
  return DATA_CLASSES.has(codeOf(error)?.slice(0, 2) ?? '')
}

/**
 * Whether the database refused a statement for something that may concern a single one of its jobs. What concerns them
 * all (no tables, no permission) or leaves open whether they were written (weather) is none.
 */
export function isRefusal(error: unknown): boolean {
  return isDataFault(error) || REFUSALS.test(codeOf(error) ?? '')
}

/** Two transactions were in each other's way, and the database undid this one: the whole of it can be tried again. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(codeOf(error) ?? '')
}

/** Where the statement had a name, it may be the name that is at fault. */
export function isPreparedFault(error: unknown): boolean {
  return PREPARED_FAULTS.has(codeOf(error) ?? '')
}

export function isLeaseLost(error: unknown): boolean {
  return codeOf(error) === LEASE_LOST
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
