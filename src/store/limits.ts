import type { Queryable } from './db.ts'
import { liftGates as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

const BATCH = 200

/** Where a batch ended. */
export interface Gate {
  readonly queue: number
  readonly gate: string
}

export interface LiftedGates {
  /** Jobs that were let into their lanes. */
  readonly opened: number
  /** Undefined behind the last batch. */
  readonly next: Gate | undefined
}

/** Looks at one batch of gates behind `after`, and opens those that have room for jobs parked there. */
export async function liftGates(db: Queryable, schema: string, after?: Gate): Promise<LiftedGates> {
  const [row] = await runStatement(db, schema, statement, {
    queue: after?.queue ?? null,
    gate: after?.gate ?? null,
    limit: BATCH,
  })
  const { queue = null, gate = null, opened = 0 } = row ?? {}
  return { opened, next: queue === null || gate === null ? undefined : { queue, gate } }
}
