import { decodePayload, type PayloadRules } from '../core/decode-payload.ts'
import type { ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'
import type { CheckedFilter } from '../core/job-filter.ts'
import type { Job, JobId } from '../core/job.ts'
import { checkInteger, invalid } from '../core/option-values.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import { readOptions } from '../core/plain-object.ts'
import { readPayloadRules, type KnownTasks } from '../core/task-list.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'
import { openedText } from './opened-job.ts'

/** How payloads are checked. */
export interface CheckPayloadsOptions {
  /** Failures to list, 1 to 10,000; all are counted. @default 100 */
  readonly limit?: number | undefined
  /** Ends the check between two pages; the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Told after each page how many jobs were checked until then. */
  readonly onProgress?: ((checked: number) => void) | undefined
}

/** What became of a check of all live jobs. */
export interface PayloadCheck {
  /** Nothing would fail. Jobs that would wait, for newer code or for a task that is not here, do not count. */
  readonly isFine: boolean
  /** Jobs that were looked at. */
  readonly checked: number
  /** By name; those that have live jobs. */
  readonly tasks: readonly CheckedTask[]
  /** The first that were found, newest job first; `limit` of them at the most. */
  readonly failures: readonly PayloadFailure[]
}

/** The live jobs of one task. */
export interface CheckedTask {
  readonly task: string
  /** False: it is not among the tasks that were given, so its jobs were only counted. */
  readonly isKnown: boolean
  readonly checked: number
  /** Of an older version, brought to the task's own. */
  readonly upcast: number
  /** Of a newer version than the task's: they would wait. */
  readonly newer: number
  readonly failed: number
}

/** A job that would fail before its handler is called. */
export interface PayloadFailure {
  readonly id: JobId
  readonly task: string
  /** Under which it was added. */
  readonly version: number
  /** `KT_PAYLOAD_INVALID`, `KT_PAYLOAD_UPCAST`, `KT_ENCRYPTION_KEY_UNKNOWN` or `KT_DECRYPTION_FAILED`. */
  readonly code: ErrorCode
  /** The message that the job would fail with. Of encrypted payloads it holds nothing. */
  readonly why: string
}

const KNOWN: ReadonlySet<string> = new Set(['limit', 'signal', 'onProgress'])
const LIVE: CheckedFilter = { states: ['scheduled', 'ready', 'running'] }
const PAGE = { limit: 500, scan: 10_000 }

export async function checkPayloads(
  store: Pick<Store, 'listJobs'>,
  cipher: PayloadCipher | undefined,
  tasks: KnownTasks,
  options?: CheckPayloadsOptions,
): Promise<PayloadCheck> {
  const rules = readPayloadRules(tasks)
  const { limit = 100, signal, onProgress } = readOptions(options, KNOWN, 'checkPayloads')
  const tally = new Tally(checkInteger(limit, 'limit', 1, 10_000))
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid('signal', signal, 'must be an AbortSignal')
  }
  if (onProgress !== undefined && !isFunction(onProgress)) {
    throw invalid('onProgress', onProgress, 'must be a function')
  }
  let before: string | undefined
  do {
    signal?.throwIfAborted()
    const page = await explained(store.listJobs(LIVE, { ...PAGE, before }))
    for (const job of page.jobs) tally.add(job, await verdictOn(job, rules.get(job.task), cipher))
    onProgress?.(tally.checked)
    before = page.next
  } while (before !== undefined)
  return tally.result()
}

function isFunction(value: unknown): value is (checked: number) => void {
  return typeof value === 'function'
}

type Verdict = 'fine' | 'upcast' | 'unknown' | KongTaskError

async function verdictOn(
  job: Job,
  rules: PayloadRules | undefined,
  cipher: PayloadCipher | undefined,
): Promise<Verdict> {
  if (rules === undefined) return 'unknown'
  const text = openedText(job, cipher)
  if (typeof text !== 'string') return text
  const isSecret = job.encryptionKey !== undefined
  try {
    await decodePayload({ text, version: job.version, isSecret }, rules)
    return job.version < (rules.version ?? job.version) ? 'upcast' : 'fine'
  } catch (error) {
    return error instanceof KongTaskError ? error : threw(job.task, error)
  }
}

function threw(task: string, cause: unknown): KongTaskError {
  const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'something that is no error'
  return new KongTaskError('KT_PAYLOAD_INVALID', `The schema of task "${task}" threw ${what}`, { cause })
}

type Counts = { -readonly [Member in keyof CheckedTask]: CheckedTask[Member] }

class Tally {
  readonly #limit: number
  readonly #tasks = new Map<string, Counts>()
  readonly #failures: PayloadFailure[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add({ id, task, version }: Job, verdict: Verdict): void {
    const counts = this.#countsOf(task, verdict !== 'unknown')
    counts.checked++
    if (verdict === 'upcast') counts.upcast++
    if (typeof verdict === 'string') return
    if (verdict.code === 'KT_PAYLOAD_NEWER') {
      counts.newer++
      return
    }
    counts.failed++
    if (this.#failures.length < this.#limit) {
      this.#failures.push({ id, task, version, code: verdict.code, why: verdict.message })
    }
  }

  /** Over all tasks. */
  get checked(): number {
    return [...this.#tasks.values()].reduce((sum, { checked }) => sum + checked, 0)
  }

  result(): PayloadCheck {
    const tasks = [...this.#tasks.values()].toSorted((a, b) => (a.task < b.task ? -1 : 1))
    return {
      isFine: tasks.every(({ failed }) => failed === 0),
      checked: this.checked,
      tasks,
      failures: this.#failures,
    }
  }

  #countsOf(task: string, isKnown: boolean): Counts {
    let counts = this.#tasks.get(task)
    if (counts === undefined) {
      counts = { task, isKnown, checked: 0, upcast: 0, newer: 0, failed: 0 }
      this.#tasks.set(task, counts)
    }
    return counts
  }
}
