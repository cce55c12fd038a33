/**
 * The seam between KongTask and a driver, one method wide: an adapter for a connection or a transaction is these
 * few lines. `text` has `$1` placeholders; rows are objects by column name.
 */
export interface Queryable {
  /** @param name under which a connection may keep the statement prepared; adapters that keep none ignore it */
  query(
    text: string,
    values: readonly unknown[],
    name?: string,
  ): Promise<{ readonly rows: readonly unknown[] }>
}
