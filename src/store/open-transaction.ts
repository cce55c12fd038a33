import type { Pool } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { Queryable } from './db.ts'
import { withinDeadline } from './deadline.ts'
import { connectionOf } from './pg-connection.ts'

/** A transaction of unknown length: each step has a deadline, the whole has none. One step at a time. */
export interface OpenTransaction extends Queryable {
  commit(): Promise<void>
  /** Never rejects. */
  rollback(): Promise<void>
}

/**
 * Begins a transaction on a connection of the pool. `commit` or `rollback`, whichever is called first, gives the
 * connection back.
 *
 * @param deadline milliseconds for each step, the wait for a connection included
 * @throws KT_DEADLINE, as every step does
 */
export async function openTransaction(pool: Pool, deadline: number): Promise<OpenTransaction> {
  const client = await connectionOf(pool, deadline)
  let isOver = false
  let isStuck = false

  const step = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await withinDeadline(work, deadline)
    } catch (error) {
      isStuck ||= error instanceof KongTaskError
      throw error
    }
  }
  const end = async (statement: 'commit' | 'rollback'): Promise<void> => {
    if (isOver) return
    isOver = true
    let isSound = false
    try {
      // Behind a statement that does not answer, another would only wait.
      if (!isStuck) await step(client.query(statement))
      isSound = !isStuck
    } finally {
      // A connection in an unknown state must not serve anybody else.
      client.release(!isSound)
    }
  }
  const rollback = (): Promise<void> => end('rollback').catch(() => undefined)

  try {
    await step(client.query('begin'))
  } catch (error) {
    await rollback()
    throw error
  }
  return {
    query: (text, values) => step(client.query(text, [...values])),
    commit: () => end('commit'),
    rollback,
  }
}
