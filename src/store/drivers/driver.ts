import type { Queryable } from '../db.ts'

/** What KongTask knows of one database driver: how to recognise its values, and how to write on its transactions. */
export interface Driver {
  /** For messages: `node-postgres`. */
  readonly name: string
  isPool(value: object): boolean
  isConnection(value: object): boolean
  /** Refuses, at each call, where the driver can tell that no transaction is open. */
  onTransaction(connection: object): Queryable
}
