// complete(tx): the job completes if and only if the handler's transaction commits.
import { LeaseLostError, KongTaskError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { outcomeOfReturn } from '../core/outcome-of.ts'
import type { TransactionLike } from '../core/transaction.ts'
import { onTransaction } from '../store/drivers/drivers.ts'
import { explainError } from '../store/explain-error.ts'
import type { Store } from '../store/store.ts'
import type { AttemptRecord } from './attempt-record.ts'
import type { RunningJob } from './running-job.ts'

/** Milliseconds that one statement on a handler's transaction may take. */
const DEADLINE = 10_000
/** Nobody's: on behalf of a handler that has ended, so that its transaction cannot commit. Zeros mark jobs that wait. */
const NO_LEASE = { worker: -1, claim: -1 }

export interface CompletionOptions {
  readonly store: Pick<Store, 'completeJob'>
  /** Milliseconds that a handler's transaction may idle while it holds a job. */
  readonly idle: number
  /** The job completes, but without its result. */
  readonly onResultDropped: (running: RunningJob, why: string) => void
}

/**
 * Completes the job of an execution on a transaction of its handler's.
 *
 * @throws KT_LEASE_LOST, KT_ALREADY_COMPLETED, KT_NOT_A_TRANSACTION, KT_DEADLINE
 */
export async function complete(
  record: AttemptRecord,
  tx: TransactionLike,
  value: unknown,
  { store, idle, onResultDropped }: CompletionOptions,
): Promise<void> {
  const { running } = record
  const connection = onTransaction(tx, DEADLINE)
  const { result, flaw } = resultOf(value)
  const job = running.hasEnded ? { ...running.job, lease: NO_LEASE } : running.job
  await record.locking(explainedAsLease(store.completeJob(job, { result, idle }, connection)))
  record.completed = { result }
  if (flaw !== undefined) onResultDropped(running, flaw)
}

/** A result that JSON cannot carry does not undo the work, as with one that is returned. */
function resultOf(value: unknown): { readonly result: Json | undefined; readonly flaw?: string | undefined } {
  const { outcome, flaw } = outcomeOfReturn(value)
  if (outcome.kind === 'completed') return { result: outcome.result, flaw }
  return { result: undefined, flaw: 'a verdict such as `snooze` is for returning, not a result' }
}

/** What the database refused, as the errors that handlers know. */
export async function explainedAsLease<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const explained = explainError(error)
    if (explained instanceof KongTaskError && explained.code === 'KT_LEASE_LOST') {
      throw new LeaseLostError('KT_LEASE_LOST', explained.message, { cause: error })
    }
    throw explained
  }
}
