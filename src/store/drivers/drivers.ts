import { KongTaskError } from '../../core/errors.ts'
import { showValue } from '../../core/show-value.ts'
import { withinDeadline } from '../deadline.ts'
import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { nodePostgres } from './node-postgres.ts'

/** In the order in which they are asked; a further driver is one more line. */
const DRIVERS: readonly Driver[] = [nodePostgres]

/**
 * The caller's transaction, whatever the driver; each query ends within `deadline` milliseconds.
 *
 * @throws KT_NOT_A_TRANSACTION
 */
export function onTransaction(tx: unknown, deadline: number): Queryable {
  if (typeof tx !== 'object' && typeof tx !== 'function') throw notAConnection(tx)
  if (tx === null) throw notAConnection(tx)
  const driver = DRIVERS.find((candidate) => candidate.isPool(tx) || candidate.isConnection(tx))
  if (driver === undefined) throw notAConnection(tx)
  if (driver.isPool(tx)) throw aPool(driver)
  const connection = driver.onTransaction(tx)
  return { query: (text, values) => withinDeadline(connection.query(text, values), deadline) }
}

function aPool(driver: Driver): KongTaskError {
  return new KongTaskError(
    'KT_NOT_A_TRANSACTION',
    `with(tx): a ${driver.name} pool has no transaction, each query may run on another connection. Pass a client taken with \`pool.connect()\` after \`begin\`.`,
  )
}

function notAConnection(tx: unknown): KongTaskError {
  const known = DRIVERS.map(({ name }) => name).join(', ')
  return new KongTaskError(
    'KT_NOT_A_TRANSACTION',
    `with(tx): ${showValue(tx)} is not a connection that KongTask knows (${known}). Pass the client on which you ran \`begin\`.`,
  )
}
