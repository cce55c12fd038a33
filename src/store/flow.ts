import type { FlowMark, TaskFlow } from '../core/flow.ts'
import type { Queryable } from './db.ts'
import { runStatement } from './statement.ts'
import { readFlow as readStatement, readFlowMarks as marksStatement } from './statements.generated.ts'

export async function readFlowMark(db: Queryable, schema: string): Promise<FlowMark> {
  const [row] = await runStatement(db, schema, marksStatement, {})
  if (row === undefined) throw new TypeError('read_flow_marks returned no row')
  return row
}

/** What happened between two looks. */
export function readFlow(
  db: Queryable,
  schema: string,
  before: FlowMark,
  now: FlowMark,
): Promise<readonly TaskFlow[]> {
  return runStatement(db, schema, readStatement, {
    since: before.at,
    until: now.at,
    oldest: before.newest,
    newest: now.newest,
    days: before.days,
    blocks: before.blocks,
  })
}
