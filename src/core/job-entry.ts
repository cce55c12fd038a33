import type { JobOptions } from './job-options.ts'
import type { JsonOf } from './json-of.ts'
import type { AnyTask, InputOf, OpenTask } from './task.ts'

// A registered symbol, so that another copy of the package may have made the value.
const SPEC: unique symbol = Symbol.for('kongtask.newJob')

/** A job to add, as `newJob` returned it: its payload's type was checked against its task. */
export interface NewJobSpec extends JobOptions {
  readonly task: AnyTask | string
  readonly payload: unknown
  readonly [SPEC]: true
}

/**
 * A job for a stream or list of jobs of many tasks: `kong.addJobs(rows.map((row) => newJob(task, row)))`. The
 * types are checked here, the values by `addJobs`.
 */
export function newJob<T extends AnyTask | string>(task: T & TakesNothing<T>): NewJobSpec
export function newJob<T extends AnyTask | string, P>(
  task: T,
  payload: PayloadFor<T, P>,
  options?: JobOptions,
): NewJobSpec
export function newJob(task: AnyTask | string, payload?: unknown, options?: JobOptions): NewJobSpec {
  return Object.freeze({ ...options, task, payload, [SPEC]: true as const })
}

/**
 * What may be passed for a task: its input type; where only a name or an open task is at hand, whatever JSON can
 * carry, with `P` the type of what was passed.
 */
export type PayloadFor<T, P> = [T] extends [string | OpenTask]
  ? (P & JsonOf<P>) | undefined
  : [T] extends [AnyTask]
    ? InputOf<T> | OmittedPayload<T>
    : never

/** A constraint that only those tasks meet for which `{}` is a payload. */
export type TakesNothing<T> = [T] extends [string | OpenTask]
  ? unknown
  : [T] extends [AnyTask]
    ? undefined extends OmittedPayload<T>
      ? unknown
      : never
    : never

type OmittedPayload<T extends AnyTask> = Record<string, never> extends InputOf<T> ? undefined : never

/** The least that an entry of `addJobs` is; `CheckedEntry` says the rest. */
export interface LooseEntry {
  readonly task: AnyTask | string
  readonly payload?: unknown
}

/** What one entry of `addJobs` must be, judged by its own task. */
export type CheckedEntry<E> = E extends { readonly task: infer T }
  ? { readonly task: T } & JobOptions & NoOtherKeys<E> & PayloadField<T, E>
  : LooseEntry

type PayloadField<T, E> = E extends { readonly payload: infer P }
  ? { readonly payload?: PayloadFor<T, P> }
  : TakesNothing<T> extends never
    ? { readonly payload: PayloadFor<T, unknown> }
    : unknown

// The entry's type is inferred from the entry, which switches off the compiler's own check for stray keys.
type NoOtherKeys<E> = {
  readonly [K in Exclude<keyof E, keyof JobOptions | 'task' | 'payload'>]: UnknownOption
}

interface UnknownOption {
  readonly '~unknownOption': true
}
