import type { Pool } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import { showValue } from '../core/show-value.ts'
import { checkReadable, isNodePostgresPool, openPool } from '../store/drivers/node-postgres.ts'

/** The database of a client or a runner. */
export interface Connection {
  readonly pool: Pool
  /** Whether the pool is ours to end. */
  readonly ownsPool: boolean
}

/**
 * @param caller for messages: `new KongTask`, `run`
 * @throws KT_CONNECTION_INVALID
 */
export function readConnection(connectionString: unknown, pool: unknown, caller: string): Connection {
  if ((connectionString === undefined) === (pool === undefined)) {
    throw refusal(caller, 'give either `connectionString` or `pool`')
  }
  if (pool === undefined)
    return { pool: openPool(checkConnectionString(connectionString, caller)), ownsPool: true }
  if (typeof pool === 'object' && pool !== null && isNodePostgresPool(pool)) return { pool, ownsPool: false }
  throw refusal(caller, `\`pool\` must be a node-postgres Pool, not ${showValue(pool)}`)
}

/**
 * A connection string that leads past a pooler.
 *
 * @throws KT_CONNECTION_INVALID
 */
export function readDirectConnection(value: unknown, caller: string): string | undefined {
  if (value === undefined) return undefined
  const connectionString = checkConnectionString(value, caller, 'directConnectionString')
  checkReadable(connectionString)
  return connectionString
}

function checkConnectionString(value: unknown, caller: string, option = 'connectionString'): string {
  if (typeof value !== 'string')
    throw refusal(caller, `\`${option}\` must be a string, not ${showValue(value)}`)
  // Not shown: it holds a password.
  if (!/^(postgres(ql)?:\/\/|socket:|\/)/i.test(value)) {
    throw refusal(caller, `\`${option}\` must look like postgres://user:password@host:5432/database`)
  }
  return value
}

function refusal(caller: string, why: string): KongTaskError {
  return new KongTaskError('KT_CONNECTION_INVALID', `${caller}: ${why}.`)
}
