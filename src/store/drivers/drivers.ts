import { KongTaskError } from '../../core/errors.ts'
import { showValue } from '../../core/show-value.ts'
import { withinDeadline } from '../deadline.ts'
import type { Queryable } from '../db.ts'
import { bunSql } from './bun-sql.ts'
import type { Driver } from './driver.ts'
import { drizzle } from './drizzle.ts'
import { knex } from './knex.ts'
import { kysely } from './kysely.ts'
import { mikroOrm } from './mikro-orm.ts'
import { neonHttp } from './neon-http.ts'
import { nodePostgres } from './node-postgres.ts'
import { ownTransaction } from './own-transaction.ts'
import { pglite } from './pglite.ts'
import { postgresJs } from './postgres-js.ts'
import { prisma } from './prisma.ts'
import { sequelize } from './sequelize.ts'
import { typeorm } from './typeorm.ts'

/** In the order in which they are asked; Bun's SQL would pass for postgres.js. A further driver is one more line. */
export const DRIVERS: readonly Driver[] = [
  ownTransaction,
  nodePostgres,
  bunSql,
  postgresJs,
  pglite,
  neonHttp,
  drizzle,
  kysely,
  prisma,
  knex,
  typeorm,
  mikroOrm,
  sequelize,
]

/**
 * The caller's transaction, whatever the driver; each query ends within `deadline` milliseconds.
 *
 * @throws KT_NOT_A_TRANSACTION
 */
export function onTransaction(tx: unknown, deadline: number): Queryable {
  if ((typeof tx !== 'object' && typeof tx !== 'function') || tx === null) throw unknown(tx)
  for (const driver of DRIVERS) {
    const found = driver.recognise(tx)
    if (found === 'root') throw noTransaction(driver)
    if (found !== undefined) {
      return { query: (text, values) => withinDeadline(found.query(text, values), deadline) }
    }
  }
  throw unknown(tx)
}

function noTransaction({ name, pass }: Driver): KongTaskError {
  return new KongTaskError(
    'KT_NOT_A_TRANSACTION',
    `with(tx): this ${name} object has no transaction, each of its queries may run on another connection. Pass ${pass}.`,
  )
}

function unknown(tx: unknown): KongTaskError {
  const known = DRIVERS.map(({ name }) => name).join(', ')
  return new KongTaskError(
    'KT_NOT_A_TRANSACTION',
    `with(tx): ${showValue(tx)} is not a transaction that KongTask knows (${known}). Pass what your driver gives you after \`begin\`, or make one with \`asTransaction((text, values) => rows)\`.`,
  )
}
