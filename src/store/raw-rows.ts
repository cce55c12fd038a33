// A table without anything of a queue, to say what the database itself can do.
import type { Pool, QueryResult } from 'pg'
import { withConnection } from './pg-connection.ts'
import { forSchema } from './statement.ts'
import { benchDrop, benchRawDelete, benchRawInsert, benchRawTable } from './statements.generated.ts'

/** Where it stands. */
export interface RawGround {
  readonly pool: Pool
  readonly schema: string
  /** Milliseconds for each call, the wait for a connection included. */
  readonly deadline: number
}

/** @throws KT_DEADLINE */
export async function createRawTable(ground: RawGround): Promise<void> {
  await send(ground, benchRawTable.text)
}

/** Answers how many rows came. @throws KT_DEADLINE */
export async function insertRawRows(ground: RawGround): Promise<number> {
  return (await send(ground, benchRawInsert.text)).rowCount ?? 0
}

/** Answers how many rows went; none where others are at all that are left. @throws KT_DEADLINE */
export async function deleteRawRows(ground: RawGround): Promise<number> {
  return (await send(ground, benchRawDelete.text)).rowCount ?? 0
}

/** Drops the schema with all that is in it; none is as well. @throws KT_DEADLINE */
export async function dropBenchSchema(ground: RawGround): Promise<void> {
  await send(ground, benchDrop.text)
}

function send({ pool, schema, deadline }: RawGround, text: string): Promise<QueryResult> {
  return withConnection(pool, deadline, (client) => client.query(forSchema(text, schema)))
}
