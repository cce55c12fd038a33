import type { Duration } from './duration.ts'
import type { JsonOf } from './json-of.ts'
import type { TransactionLike } from './transaction.ts'

/** How a step's result is kept. */
export interface StepOptions {
  /**
   * A transaction of yours, as `with(tx)` takes it: the result is stored in it, so that the step has happened if and only
   * if it commits. Without it the result is stored right behind the step, on a connection of the runner's.
   */
  readonly tx?: TransactionLike | undefined
}

/**
 * Runs `work` once over all attempts of a job. Its result is stored under `name`; on a later attempt (also behind a
 * snooze, a crash or a redrive) it is returned, and `work` is not called. What is returned has been through JSON, also
 * the first time.
 *
 * @param name 1 to 200 characters; different for each step of an execution, the same on each attempt; not `sleep:…`
 * @throws KT_STEP_NAME_INVALID, KT_STEP_DUPLICATE, KT_STEP_NOT_JSON, KT_LEASE_LOST
 */
export type Step = <T>(
  name: string,
  work: () => Storable<T> | PromiseLike<Storable<T>>,
  options?: StepOptions,
) => Promise<T>

type Storable<T> = T & (T extends void ? unknown : JsonOf<T>)

/**
 * Frees the slot and lets the job run again when the time is over, as if this attempt had not been; then the same call
 * returns at once. The time is the database's, and stays what it was the first time.
 *
 * It ends the execution by throwing: let that pass. A handler that catches it, and whatever it returns then, ends as
 * snoozed all the same.
 */
export interface Sleep {
  /** Known again by its place among the sleeps without a name, which must then be the same on each attempt. */
  (duration: Duration): Promise<void>
  (name: string, duration: Duration): Promise<void>
}
