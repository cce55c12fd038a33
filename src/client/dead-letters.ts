import { KongTaskError } from '../core/errors.ts'
import type { Job, JobId } from '../core/job.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { Store } from '../store/store.ts'
import { checkJobId } from './jobs.ts'

/** Jobs that were given up, kept with every attempt's error. */
export interface DeadLetters {
  /** Latest first. `limit` is 1 to 1000, 100 by default; `after` is the last one of the page before. */
  list(page?: { readonly limit?: number | undefined; readonly after?: Job | undefined }): Promise<Job[]>
  /**
   * Brings one back to life: ready at once, with its id, all its attempts ahead of it and its errors kept.
   *
   * @throws KT_UNIQUE_CONFLICT where another job has its unique key by now: it stays dead; KT_JOB_NOT_FOUND
   */
  redrive(id: JobId): Promise<void>
}

const KNOWN: ReadonlySet<string> = new Set(['limit', 'after'])

export function createDeadLetters(store: Pick<Store, 'listDeadLetters' | 'redrive'>): DeadLetters {
  return Object.freeze({
    list: async (page: Parameters<DeadLetters['list']>[0] = {}) => {
      readOptions(page, KNOWN, 'deadLetters.list')
      return store.listDeadLetters(checkInteger(page.limit ?? 100, 'limit', 1, 1_000), page.after)
    },
    redrive: async (id: JobId) => {
      const [redriven] = await store.redrive([checkJobId(id)])
      if (redriven?.status === 'conflict') throw conflict(id)
      if (redriven?.status !== 'redriven') throw notFound(id)
    },
  })
}

function conflict(id: JobId): KongTaskError {
  return new KongTaskError(
    'KT_UNIQUE_CONFLICT',
    `Job ${id} stays a dead letter: another job has its unique key. Wait until that one is finished, or delete one of the two.`,
  )
}

function notFound(id: JobId): KongTaskError {
  return new KongTaskError('KT_JOB_NOT_FOUND', `There is no dead letter ${id}. It may have been redriven or purged already.`)
}
