import type { Queryable } from './db.ts'
import { pruneUniqueKeys as statement } from './statements.generated.ts'
import { runStatement } from './statement.ts'

const BATCH = 2_000

/** Where a batch ended. */
export interface UniqueKey {
  readonly task: number
  readonly key: string
}

export interface PrunedKeys {
  readonly pruned: number
  /** Undefined behind the last batch. */
  readonly next: UniqueKey | undefined
}

/** Looks at one batch of keys behind `after`, and takes away those that hold nothing any more. */
export async function pruneUniqueKeys(db: Queryable, schema: string, after?: UniqueKey): Promise<PrunedKeys> {
  const [row] = await runStatement(db, schema, statement, {
    task: after?.task ?? null,
    key: after?.key ?? null,
    limit: BATCH,
  })
  const { task = null, key = null, pruned = 0 } = row ?? {}
  return { pruned, next: task === null || key === null ? undefined : { task, key } }
}
