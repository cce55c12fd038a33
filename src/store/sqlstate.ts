import { KongTaskError } from '../core/errors.ts'

// Connection trouble, a server that stops or starts, resources that ran out, and conflicts that a second try resolves.
const TRANSIENT_CLASSES = new Set(['08', '40', '53', '57', '58'])
const TRANSIENT_CODES = new Set(['55P03', '25006', '25P03'])
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
  /connection terminated|connection error|not queryable|client was closed|timeout exceeded when trying to connect/i

/** SQLSTATE with which claim_jobs says that this worker was declared dead. */
const LEASE_LOST = 'KT002'

/** Weather: the same call may well succeed a moment later. Anything else is a fault that repetition does not mend. */
export function isTransient(error: unknown): boolean {
  if (error instanceof KongTaskError)
    return error.code === 'KT_DEADLINE' || error.code === 'KT_DATABASE_UNAVAILABLE'
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

export function isLeaseLost(error: unknown): boolean {
  return codeOf(error) === LEASE_LOST
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
