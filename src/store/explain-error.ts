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
    /^25P01$/,
    'KT_NOT_A_TRANSACTION',
    'This transaction is not open any more. Add jobs before it commits, and await them: a call that nobody awaits may come too late.',
  ],
  [
    /^25P02$/,
    'KT_NOT_A_TRANSACTION',
    'An earlier statement of this transaction failed, so nothing can be added in it. Roll it back and begin again.',
  ],
  [
    /^42501$/,
    'KT_PERMISSION_DENIED',
    "The database role may not do this. Let the owner of KongTask's schema run `select kongtask.grant_access('add', 'role')`, or 'work' for workers; see docs/access.md.",
  ],
  [
    /^(22P05|54001)$/,
    'KT_PAYLOAD_NOT_JSON',
    'The database cannot hold this value: a character that its encoding does not have, or more levels than its stack takes. The cause has its words.',
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
    /^(08001|08004|53300|57P03|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/,
    'KT_DATABASE_UNAVAILABLE',
    'The database cannot be reached or takes no connections now. Check that it runs, its host and its port.',
  ],
  [
    /^(08...|57P..|25P03|ECONNRESET|EPIPE|ETIMEDOUT)$/,
    'KT_CONNECTION_LOST',
    'The connection to the database broke. What was to be written outside of a transaction of yours may have been written or not: look first, or give jobs a `uniqueKey`, with which they can be added again.',
  ],
  [
    /^25006$/,
    'KT_DATABASE_UNAVAILABLE',
    'This database takes no writes: it is a standby, or was set to read only. Nothing was written. Lead the connection to the primary; after a failover, try again.',
  ],
  [
    /^53...$/,
    'KT_DATABASE_UNAVAILABLE',
    'The database server has run out of disk, memory or something else that the cause names. Nothing was written. Make room there, and try again.',
  ],
  [
    /^(57014|55P03)$/,
    'KT_STATEMENT_CANCELLED',
    'PostgreSQL gave up this statement: it took longer than `statement_timeout`, waited longer than `lock_timeout`, or somebody cancelled it. Nothing was written. Look for locks and load, or raise that setting.',
  ],
]

// node-postgres says these without a code; what they mean, in SQLSTATEs. The first that fits.
const DRIVER_MESSAGES: readonly (readonly [words: RegExp, code: string])[] = [
  [/timeout exceeded when trying to connect|due to connection timeout/i, '08001'],
  [/connection terminated|connection error|not queryable|client was closed/i, '08006'],
]

/** Raised by our own SQL functions: a message that begins with the code. */
const OWN_SQLSTATE = 'KT001'

/**
 * The error that the caller of `addJob` or `migrate` should see: a KongTaskError with the original as cause
 * where there is something to say, else the original.
 */
export function explainError(error: unknown): unknown {
  if (error instanceof KongTaskError) return error
  // What wraps an error may have a code of its own (Prisma's P2010), so the innermost has the first word.
  for (const layer of layersOf(error).toReversed()) {
    const explained = explainLayer(layer, error)
    if (explained !== undefined) return explained
  }
  return error
}

function explainLayer(layer: object, cause: unknown): KongTaskError | undefined {
  const { code, message } = factsOf(layer)
  if (code === undefined) return undefined
  if (code === OWN_SQLSTATE) return fromDatabase(message, cause)
  const found = EXPLAINED.find(([codes]) => codes.test(code))
  return found === undefined ? undefined : new KongTaskError(found[1], found[2], { cause })
}

/** Where drivers and ORMs put the error of which theirs tells: TypeORM, Sequelize, Prisma; the others use `cause`. */
const INNER = ['driverError', 'original', 'meta', 'driverAdapterError', 'cause'] as const
const DEEPEST = 8

/** The error and what it wraps, from the outside in. */
function layersOf(error: unknown): object[] {
  const layers: object[] = []
  let layer = error
  while (typeof layer === 'object' && layer !== null && layers.length < DEEPEST && !layers.includes(layer)) {
    layers.push(layer)
    layer = innerOf(layer)
  }
  return layers
}

function innerOf(layer: object): unknown {
  // Node tries several addresses of a host and reports all failures together.
  if (layer instanceof AggregateError) return layer.errors[0]
  for (const name of INNER) {
    const inner: unknown = Reflect.get(layer, name)
    if (typeof inner === 'object' && inner !== null) return inner
  }
  return undefined
}

/** Bun has the SQLSTATE in `errno`, Prisma's adapters have it in `originalCode`. */
function factsOf(layer: object): { readonly code: string | undefined; readonly message: string } {
  const text = (...names: readonly string[]): string | undefined =>
    names.map((name): unknown => Reflect.get(layer, name)).find((value) => typeof value === 'string')
  const isBuns = text('code')?.startsWith('ERR_POSTGRES') === true
  const message = text('originalMessage', 'message') ?? ''
  const code = isBuns ? text('errno', 'code') : text('originalCode', 'code')
  return { code: code ?? DRIVER_MESSAGES.find(([words]) => words.test(message))?.[1], message }
}

/** Knex puts the statement before the message: `select … - KT_OPTION_INVALID: …`. */
function fromDatabase(text: string, cause: unknown): KongTaskError | undefined {
  const [, code, message] = /^(?:.* - )?(KT_[A-Z_]+):?\s*(.*)$/s.exec(text) ?? []
  if (code === undefined || message === undefined || !isErrorCode(code)) return undefined
  return new KongTaskError(code, message, { cause })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code)
}
