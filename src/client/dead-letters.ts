import type { Job } from '../core/job.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import type { Store } from '../store/store.ts'

/** Jobs that were given up, kept with every attempt's error. */
export interface DeadLetters {
  /** Latest first. `limit` is 1 to 1000, 100 by default; `after` is the last one of the page before. */
  list(page?: { readonly limit?: number | undefined; readonly after?: Job | undefined }): Promise<Job[]>
}

const KNOWN: ReadonlySet<string> = new Set(['limit', 'after'])

export function createDeadLetters(store: Pick<Store, 'listDeadLetters'>): DeadLetters {
  return Object.freeze({
    list: async (page: Parameters<DeadLetters['list']>[0] = {}) => {
      readOptions(page, KNOWN, 'deadLetters.list')
      return store.listDeadLetters(checkInteger(page.limit ?? 100, 'limit', 1, 1_000), page.after)
    },
  })
}
