/** What a handler may expect of one database connection, whatever the driver. */
export interface SqlClient {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>
}

/** A connection taken from a pool; give it back with `release()`, also when something threw. */
export interface PooledSqlClient extends SqlClient {
  release(destroy?: boolean | Error): void
}

/** A pool of connections: node-postgres's `Pool` is one. */
export interface SqlPool extends SqlClient {
  connect(): Promise<PooledSqlClient>
}
