// What a job does once over all its attempts: steps, and sleeps, which are steps that say until when.
import { parseDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { jsonText } from '../core/json-text.ts'
import { showValue } from '../core/show-value.ts'
import type { StepOptions } from '../core/step-options.ts'
import { textFlaw } from '../core/storable-text.ts'
import { retry } from '../runtime/retry.ts'
import { onTransaction } from '../store/drivers/drivers.ts'
import { isTransient } from '../store/sqlstate.ts'
import type { StoredStep } from '../store/steps.ts'
import type { Store } from '../store/store.ts'
import type { AttemptRecord } from './attempt-record.ts'
import { explainedAsLease } from './completion.ts'

/** Milliseconds that one statement on a handler's transaction may take. */
const DEADLINE = 10_000
const LONGEST_NAME = 200
const LONGEST_RESULT = 1_048_576
/** What the names of sleeps begin with, and those of steps do not. */
const SLEEP = 'sleep:'

export interface StepsOptions {
  readonly store: Pick<Store, 'readSteps' | 'storeStep'>
  /** Milliseconds that a handler's transaction may idle while it holds a job. */
  readonly idle: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onWeather: (error: unknown, attempt: number) => void
}

interface Loaded {
  readonly steps: ReadonlyMap<string, StoredStep>
  /** Monotonic milliseconds. */
  readonly at: number
}

/** Ends an execution that sleeps. Handlers that catch it change nothing. */
class Sleeping extends Error {
  override readonly name = 'Sleeping'
}

/** The steps of one execution. */
export class Steps {
  readonly #record: AttemptRecord
  readonly #options: StepsOptions
  readonly #names = new Set<string>()
  #loaded: Promise<Loaded> | undefined
  #sleeps = 0

  constructor(record: AttemptRecord, options: StepsOptions) {
    this.#record = record
    this.#options = options
  }

  async step<T>(name: string, work: () => T | PromiseLike<T>, options: StepOptions = {}): Promise<T> {
    this.#begin(checkName(name))
    const { steps } = await this.#load()
    const known = steps.get(name)
    if (known !== undefined) return parsed<T>(known.result)
    this.#checkOpen()
    const result = resultText(name, await work())
    await this.#store(name, result, options)
    return parsed<T>(result)
  }

  async sleep(nameOrDuration: Duration, duration?: Duration): Promise<void> {
    const ms = parseDuration(duration ?? nameOrDuration, 'sleep')
    const key = `${SLEEP}${duration === undefined ? (this.#sleeps += 1) : `@${checkName(nameOrDuration)}`}`
    this.#begin(key)
    const { steps, at } = await this.#load()
    const known = steps.get(key)
    const left =
      known === undefined
        ? await this.#ours({ name: key, sleep: ms })
        : (known.wakesIn ?? 0) - (this.#options.now() - at)
    if (left === undefined || left <= 0) return
    this.#record.sleepsFor = left
    throw this.#asleep()
  }

  #begin(name: string): void {
    this.#checkOpen()
    if (this.#names.has(name)) {
      throw new KongTaskError(
        'KT_STEP_DUPLICATE',
        `There was a step "${name}" in this execution already. Each needs a name of its own, so that its result is found again; in a loop, put what is worked on into the name.`,
      )
    }
    this.#names.add(name)
  }

  /** Nothing is begun by an execution that sleeps or has ended: it will run again, or others do. */
  #checkOpen(): void {
    if (this.#record.sleepsFor !== undefined) throw this.#asleep()
    if (this.#record.running.hasEnded) {
      throw new KongTaskError(
        'KT_LEASE_LOST',
        'The handler has ended; a step that it begins now has no job any more.',
      )
    }
  }

  #asleep(): Error {
    return new Sleeping(
      `The job sleeps and runs again in ${Math.round(this.#record.sleepsFor ?? 0)} ms. Let this error pass: it ends the execution.`,
    )
  }

  /** Asked once an execution, when something needs it. */
  #load(): Promise<Loaded> {
    const { store, now } = this.#options
    this.#loaded ??= this.#retried(async () => {
      const at = now()
      return { at, steps: await store.readSteps(this.#record.running.job.id) }
    })
    return this.#loaded
  }

  async #store(name: string, result: string | undefined, { tx }: StepOptions): Promise<void> {
    if (tx === undefined) {
      await this.#ours({ name, result })
      return
    }
    const { store, idle } = this.#options
    const connection = onTransaction(tx, DEADLINE)
    const stored = store.storeStep(this.#record.running.job, { name, result, idle }, connection)
    await this.#record.locking(explainedAsLease(stored))
  }

  /** On a connection of ours. Weather is ridden out: the step has happened, and would happen again. */
  #ours(step: {
    readonly name: string
    readonly result?: string | undefined
    readonly sleep?: number
  }): Promise<number | undefined> {
    return this.#retried(() =>
      explainedAsLease(this.#options.store.storeStep(this.#record.running.job, step)),
    )
  }

  #retried<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#record.running
    return retry(work, { isTransient, onRetry: this.#options.onWeather, signal })
  }
}

function checkName(name: unknown): string {
  const flaw =
    typeof name !== 'string' || name === '' || name.length > LONGEST_NAME
      ? `must be 1 to ${LONGEST_NAME} characters`
      : name.startsWith(SLEEP)
        ? `must not begin with "${SLEEP}", which is for sleeps`
        : textFlaw(name)
  if (typeof name === 'string' && flaw === undefined) return name
  throw new KongTaskError('KT_STEP_NAME_INVALID', `The name of a step ${flaw}; it is ${showValue(name)}.`)
}

function resultText(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = jsonText(value, ({ path, why }) => {
    const where = path.length === 0 ? 'it' : `its ${path.map(String).join('.')}`
    return new KongTaskError(
      'KT_STEP_NOT_JSON',
      `The result of step "${name}" cannot be stored: ${where} ${why}.`,
    )
  })
  if (text.length <= LONGEST_RESULT) return text
  throw new KongTaskError(
    'KT_STEP_NOT_JSON',
    `The result of step "${name}" is larger than ${LONGEST_RESULT} characters. Return what later steps need.`,
  )
}

/** What a step returned before is trusted to be what it returns: the code that is asked is the one that stored it. */
function parsed<T>(text: string | undefined): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return (text === undefined ? undefined : JSON.parse(text)) as T
}
