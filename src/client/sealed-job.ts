import { canonicalJson, jsonAt } from '../core/canonical-json.ts'
import type { Json } from '../core/json.ts'
import type { NewJob, NewJobOptions } from '../core/new-job.ts'
import { SEALED, type PayloadCipher } from '../core/payload-cipher.ts'

/**
 * The job with its payload encrypted. What the database would read in a payload, it gets as hashes: `same`, equal for equal
 * payloads, where it may have to make a unique key of it; and keys for limits that go `by` what the payload says.
 */
export function sealedJob(job: NewJob, raw: boolean, cipher: PayloadCipher): NewJob {
  const { task, payload, options } = job
  const sealed = {
    [SEALED]: cipher.seal(task, payload),
    ...(mayBeKey(job)
      ? { same: cipher.digest(`payload of ${task}`, raw ? payload : canonicalText(payload)) }
      : {}),
  }
  return {
    ...job,
    payload: JSON.stringify(sealed),
    options: readsPayload(options) ? withHashedKeys(options, JSON.parse(payload), cipher) : options,
    encryptionKey: cipher.current,
  }
}

/** By name only the database knows whether the task has `uniqueFor` by default. */
function mayBeKey({ options: { uniqueKey, uniqueFor }, contract }: NewJob): boolean {
  return uniqueKey === undefined && (uniqueFor !== undefined || !contract)
}

/** Text of a raw task is not parsed for this: numbers that JavaScript cannot tell apart would be one. */
function canonicalText(text: string): string {
  return canonicalJson(JSON.parse(text))
}

function readsPayload({ concurrency, rateLimit }: NewJobOptions): boolean {
  return concurrency?.by !== undefined || rateLimit?.by !== undefined
}

function withHashedKeys(options: NewJobOptions, payload: Json, cipher: PayloadCipher): NewJobOptions {
  const hashed = <Limit extends { readonly by?: string }>(limit: Limit) => {
    const { by, ...rest } = limit
    if (by === undefined) return limit
    const value = jsonAt(payload, by)
    return { ...rest, key: cipher.digest('limit', typeof value === 'string' ? value : canonicalJson(value)) }
  }
  const { concurrency, rateLimit } = options
  return {
    ...options,
    ...(concurrency === undefined ? {} : { concurrency: hashed(concurrency) }),
    ...(rateLimit === undefined ? {} : { rateLimit: hashed(rateLimit) }),
  }
}
