import { catalogue, type ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'

// What PostgreSQL and Node say where a person can do something about it; SQLSTATE or errno to code and message.
const EXPLAINED: readonly (readonly [codes: RegExp, code: ErrorCode, message: string])[] = [
  [
    /^(42P01|42883|3F000)$/,
    'KT_NOT_MIGRATED',
    "KongTask's tables are not in this database and schema. Call `kong.migrate()` once, or start a runner.",
  ],
  [
    /^25P02$/,
    'KT_NOT_A_TRANSACTION',
    'An earlier statement of this transaction failed, so nothing can be added in it. Roll it back and begin again.',
  ],
  [
    /^(28000|28P01)$/,
    'KT_DATABASE_UNAVAILABLE',
    'The database refused the user or password. Check the credentials in the connection string.',
  ],
  [
    /^3D000$/,
    'KT_DATABASE_UNAVAILABLE',
    'The database that the connection string names does not exist. Create it, or correct the name.',
  ],
  [
    /^(08...|53300|57P0[123]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/,
    'KT_DATABASE_UNAVAILABLE',
    'The database cannot be reached or takes no connections now. Check that it runs, its host and its port.',
  ],
]

/** Raised by our own SQL functions: a message that begins with the code. */
const OWN_SQLSTATE = 'KT001'

/**
 * The error that the caller of `addJob` or `migrate` should see: a KongTaskError with the original as cause
 * where there is something to say, else the original.
 */
export function explainError(error: unknown): unknown {
  if (error instanceof KongTaskError) return error
  const code = codeOf(error)
  if (code === OWN_SQLSTATE) return fromDatabase(error)
  const found = EXPLAINED.find(([codes]) => code !== undefined && codes.test(code))
  return found === undefined ? error : new KongTaskError(found[1], found[2], { cause: error })
}

function codeOf(error: unknown): string | undefined {
  // Node tries several addresses of a host and reports all failures together.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function fromDatabase(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const [, code, message] = /^(KT_[A-Z_]+):?\s*(.*)$/s.exec(error.message) ?? []
  if (code === undefined || message === undefined || !isErrorCode(code)) return error
  return new KongTaskError(code, message, { cause: error })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code)
}
