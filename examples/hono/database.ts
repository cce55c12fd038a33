import type { Pool, PoolClient } from 'pg'

export async function createTables(pool: Pool): Promise<void> {
  await pool.query(`
    create table if not exists users (id text primary key, email text not null unique, name text not null, welcomed_at timestamptz);
    create table if not exists statistics (users int not null);
  `)
}

/** Runs `work` in a transaction: committed when it returns, rolled back when it throws. */
export async function inTransaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect()
  let broken = false
  try {
    await tx.query('begin')
    const result = await work(tx)
    await tx.query('commit')
    return result
  } catch (error) {
    await tx.query('rollback').catch(() => {
      broken = true
    })
    throw error
  } finally {
    // A connection that could not even roll back must not serve the next request.
    tx.release(broken)
  }
}
