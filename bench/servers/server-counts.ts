import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** What a server did for one database while something ran. */
export interface ServerWork {
  /** Bytes of WAL, of the whole server: run nothing beside. */
  readonly wal: number
  /** A connection's start is one, too. */
  readonly transactions: number
  /** Row versions that were updated or deleted: what vacuum and pruning have to clear away. */
  readonly deadRows: number
  readonly deadlocks: number
}

/** Asks through another database, so that the asking is not counted. */
export class ServerCounts implements AsyncDisposable {
  readonly #pool: pg.Pool
  readonly #database: string

  /** @param watch the connection string of a database that nothing else uses */
  constructor(watch: string, counted: string) {
    this.#pool = new pg.Pool({ connectionString: watch, max: 1 })
    this.#database = new URL(counted).pathname.slice(1)
  }

  /**
   * Runs it between two counts. It must end its connections: a backend tells its counts at most once a second while it
   * lives, and all that is left when it ends.
   *
   * @throws where a checkpoint fell into it: pages are written whole after one, which is a matter of when, not of how many
   */
  async during(work: () => Promise<unknown>): Promise<ServerWork> {
    const before = await this.count()
    await work()
    const after = await this.count()
    if (before.redo !== after.redo) throw new Error('A checkpoint fell into it: the measurement is void.')
    return {
      wal: after.wal - before.wal,
      transactions: after.transactions - before.transactions,
      deadRows: after.deadRows - before.deadRows,
      deadlocks: after.deadlocks - before.deadlocks,
    }
  }

  async checkpoint(): Promise<void> {
    await this.#pool.query('checkpoint')
  }

  /** The processes of this database's connections. */
  async backends(): Promise<readonly number[]> {
    const { rows } = await this.#pool.query<{ pid: number }>(
      "select pid from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
      [this.#database],
    )
    return rows.map(({ pid }) => pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }

  /** All that it has done since it exists; waits until nobody is connected. */
  async count(): Promise<ServerWork & { readonly redo: string }> {
    while ((await this.backends()).length > 0) await delay(10)
    const { rows } = await this.#pool.query<ServerWork & { readonly redo: string }>(
      `select (pg_current_wal_insert_lsn() - '0/0')::float8 as wal,
              (xact_commit + xact_rollback)::float8 as transactions,
              (tup_updated + tup_deleted)::float8 as "deadRows", deadlocks::float8 as deadlocks,
              (select redo_lsn::text from pg_control_checkpoint()) as redo
         from pg_stat_database where datname = $1`,
      [this.#database],
    )
    const [row] = rows
    if (row === undefined) throw new Error(`There is no database ${this.#database}.`)
    return row
  }
}
