/**
 * The seam between KongTask and a driver, one method wide: an adapter for a connection or a transaction is these
 * few lines. `text` has `$1` placeholders; rows are objects by column name.
 */
export interface Queryable {
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}
