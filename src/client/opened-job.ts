import { KongTaskError } from '../core/errors.ts'
import type { Job } from '../core/job.ts'
import { SEALED, type PayloadCipher } from '../core/payload-cipher.ts'
import { recordOf } from '../store/rows.ts'
import type { Store } from '../store/store.ts'

/** A store whose readers see payloads opened, where the keys for it are at hand. */
export function openingStore(store: Store, cipher: PayloadCipher | undefined): Store {
  return {
    ...store,
    readJob: async (id) => {
      const job = await store.readJob(id)
      return job && openedJob(job, cipher)
    },
    listJobs: async (filter, reach) => {
      const found = await store.listJobs(filter, reach)
      return { ...found, jobs: found.jobs.map((job) => openedJob(job, cipher)) }
    },
  }
}

/** The job as whoever has the keys sees it; where they are missing or the payload is damaged, it stays sealed. */
function openedJob(job: Job, cipher: PayloadCipher | undefined): Job {
  if (job.encryptionKey === undefined) return job
  const text = openedText(job, cipher)
  return typeof text === 'string'
    ? { ...job, payload: JSON.parse(text), isSealed: false }
    : { ...job, payload: { [SEALED]: job.encryptionKey } }
}

/** The text of a payload that the store has read, or why it cannot be had. */
export function openedText(
  { task, payload, encryptionKey }: Pick<Job, 'task' | 'payload' | 'encryptionKey'>,
  cipher: PayloadCipher | undefined,
): string | KongTaskError {
  if (encryptionKey === undefined) return JSON.stringify(payload)
  try {
    if (cipher !== undefined) return cipher.open(task, encryptionKey, recordOf(payload)[SEALED])
  } catch (error) {
    if (error instanceof KongTaskError) return error
    throw error
  }
  return new KongTaskError(
    'KT_ENCRYPTION_KEY_UNKNOWN',
    `The payload is encrypted with the key "${encryptionKey}", and this client was given no \`encryption\`.`,
  )
}
