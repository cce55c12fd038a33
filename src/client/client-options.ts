import type { Pool } from 'pg'
import { readEncryption, type EncryptionOptions } from '../encryption/payload-keys.ts'
import { parsePositiveDuration, type Duration } from '../core/duration.ts'
import { checkSchemaName } from '../core/names.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { SqlPool } from '../core/sql-pool.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { readTaskNames, type KnownTasks } from '../core/task-list.ts'
import { readConnection } from './connection.ts'

/** How a client reaches the database, and what it accepts. Give `connectionString` or `pool`. */
export type KongTaskOptions = ClientLimits &
  (
    | {
        /** `postgres://user:password@host:5432/database`; the client then has a pool of its own. */
        readonly connectionString: string
        readonly pool?: undefined
      }
    | {
        /** Your node-postgres pool; `close()` leaves it open. */
        readonly pool: SqlPool
        readonly connectionString?: undefined
      }
  )

export interface ClientLimits {
  /** The database schema of KongTask's tables. @default `kongtask` */
  readonly schema?: string | undefined
  /** The tasks that exist: then no other name is accepted. @default any name */
  readonly tasks?: KnownTasks | undefined
  /** The largest payload, in bytes of JSON. @default 1 MiB */
  readonly maxPayload?: number | undefined
  /** How long a call may wait for the database; `migrate` takes as long as it takes. @default 10 s */
  readonly deadline?: Duration | undefined
  /**
   * Keys with which payloads are encrypted at rest: what is added is encrypted with the current one, and what is read is
   * opened with whichever it names. Give it to the runners, too. @default payloads are stored as they are
   */
  readonly encryption?: EncryptionOptions | undefined
}

/** The options, checked. */
export interface ClientConfig {
  readonly pool: Pool
  /** Whether the pool is ours to end. */
  readonly ownsPool: boolean
  readonly schema: string
  readonly known: ReadonlySet<string> | undefined
  readonly maxPayload: number
  /** Milliseconds. */
  readonly deadline: number
  readonly cipher: PayloadCipher | undefined
}

const KNOWN: ReadonlySet<string> = new Set([
  'connectionString',
  'pool',
  'schema',
  'tasks',
  'maxPayload',
  'deadline',
  'encryption',
])
const DEFAULTS = { schema: 'kongtask', maxPayload: 1024 * 1024, deadline: 10_000 }
/** What fits into `jsonb` with room to spare. */
const LARGEST_PAYLOAD = 64 * 1024 * 1024

/**
 * @throws KT_CONNECTION_INVALID, KT_OPTION_UNKNOWN, KT_OPTION_INVALID, KT_SCHEMA_NAME_INVALID,
 * KT_DURATION_INVALID, KT_TASK_INVALID, KT_TASK_DUPLICATE, KT_NAME_INVALID
 */
export function readClientOptions(options: unknown): ClientConfig {
  const given = readOptions(options, KNOWN, 'new KongTask')
  const {
    schema = DEFAULTS.schema,
    maxPayload = DEFAULTS.maxPayload,
    deadline = DEFAULTS.deadline,
    tasks,
  } = given
  const limits = {
    schema: checkSchemaName(schema),
    known: tasks === undefined ? undefined : readTaskNames(tasks),
    maxPayload: checkInteger(maxPayload, 'maxPayload', 2, LARGEST_PAYLOAD),
    deadline: parsePositiveDuration(deadline, 'deadline'),
    cipher: readEncryption(given['encryption'], 'new KongTask'),
  }
  // Last, since it may open something.
  return Object.freeze({
    ...limits,
    ...readConnection(given['connectionString'], given['pool'], 'new KongTask'),
  })
}
