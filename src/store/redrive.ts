import type { Queryable } from './db.ts'
import { redrive as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

/** What became of one dead letter that was to live again. */
export interface Redriven {
  readonly id: string
  /** `conflict`: another job has its unique key, so it stays dead. `missing`: there is no such dead letter. */
  readonly status: 'redriven' | 'conflict' | 'missing'
}

/** Brings dead letters back, each on its own account. */
export async function redrive(db: Queryable, schema: string, ids: readonly string[]): Promise<Redriven[]> {
  const rows = await runStatement(db, schema, statement, { ids })
  return rows.map(({ id, status }) => ({ id, status: statusOf(status) }))
}

function statusOf(status: string): Redriven['status'] {
  if (status === 'redriven' || status === 'conflict' || status === 'missing') return status
  throw new TypeError(`redrive answered with the status "${status}"`)
}
