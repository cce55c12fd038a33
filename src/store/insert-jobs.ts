import type { AddedJob, NewJob } from '../core/new-job.ts'
import type { Queryable } from './db.ts'
import { insertJobs as statement } from './statements.generated.ts'
import { runPrepared } from './statement.ts'

/** Adds jobs in one statement, on whatever connection is given: all or none. Results in the order of `jobs`. */
export async function insertJobs(
  db: Queryable,
  schema: string,
  jobs: readonly NewJob[],
): Promise<AddedJob[]> {
  const kinds = new Kinds()
  const kind = jobs.map((job) => kinds.numberOf(job))
  const rows = await runPrepared(db, schema, statement, {
    kinds: `[${kinds.texts.join(',')}]`,
    kind: kinds.texts.length === 1 ? null : `{${kind.join(',')}}`,
    // JSON text already: taking it apart again would only cost time.
    payloads: `[${jobs.map(({ payload }) => payload).join(',')}]`,
  })
  return rows.map(({ id, status }) => ({ id, status: statusOf(status) }))
}

/**
 * The distinct sets of task and options of a call, numbered from 1. Most calls have one, and then the jobs share one
 * options object, so what stands before is looked at first and text is made only where that differs.
 */
export class Kinds {
  readonly texts: string[] = []
  readonly #numbers = new Map<string, number>()
  #last: NewJob | undefined
  #lastNumber = 0

  numberOf(job: NewJob): number {
    const last = this.#last
    if (last !== undefined && isAlike(last, job)) return this.#lastNumber
    const { task, options, contract, parent, encryptionKey } = job
    const text = JSON.stringify({ task, options, contract, parent, encryptionKey })
    let number = this.#numbers.get(text)
    if (number === undefined) {
      number = this.texts.push(text)
      this.#numbers.set(text, number)
    }
    this.#last = job
    this.#lastNumber = number
    return number
  }
}

function isAlike(a: NewJob, b: NewJob): boolean {
  return (
    a.options === b.options &&
    a.task === b.task &&
    a.contract === b.contract &&
    a.parent === b.parent &&
    a.encryptionKey === b.encryptionKey
  )
}

function statusOf(status: string): AddedJob['status'] {
  if (status === 'added' || status === 'skipped' || status === 'replaced') return status
  throw new TypeError(`insert_jobs answered with the status "${status}"`)
}
