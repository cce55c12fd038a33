import type { Queryable } from '../db.ts'

/** What KongTask knows of one database driver or ORM: how to recognise its values, and how to write on its transactions. */
export interface Driver {
  /** For messages: `node-postgres`. */
  readonly name: string
  /** What to pass, as the end of a sentence that begins with "Pass". */
  readonly pass: string
  /**
   * By shape alone, since the application's copy of the package need not be ours and is never imported; runs nothing.
   * What has no open transaction only now, or has one no more, is refused by the query.
   */
  recognise(value: object): Recognised
}

/** `root`: of this driver, but a pool, an instance or a connection that can have no transaction. undefined: not its. */
export type Recognised = Queryable | 'root' | undefined
