// A table without anything of a queue, to say what the database itself can do.
import type { Pool } from 'pg'
import { forSchema } from './statement.ts'
import { benchDrop, benchRawDelete, benchRawInsert, benchRawTable } from './statements.generated.ts'

type RawPool = Pick<Pool, 'query'>

export async function createRawTable(pool: RawPool, schema: string): Promise<void> {
  await pool.query(forSchema(benchRawTable.text, schema))
}

/** Answers how many rows came. */
export async function insertRawRows(pool: RawPool, schema: string): Promise<number> {
  return (await pool.query(forSchema(benchRawInsert.text, schema))).rowCount ?? 0
}

/** Answers how many rows went; none where others are at all that are left. */
export async function deleteRawRows(pool: RawPool, schema: string): Promise<number> {
  return (await pool.query(forSchema(benchRawDelete.text, schema))).rowCount ?? 0
}

/** Drops the schema with all that is in it; none is as well. */
export async function dropBenchSchema(pool: RawPool, schema: string): Promise<void> {
  await pool.query(forSchema(benchDrop.text, schema))
}
