import type { JobOptions } from './job-options.ts'
import type { JsonOf } from './json-of.ts'
import type { Json } from './json.ts'
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
export function newJob<P = Record<never, never>>(
  task: string | OpenTask,
  payload?: P & JsonOf<P>,
  options?: JobOptions,
): NewJobSpec
export function newJob<T extends AnyTask>(task: T, ...rest: PayloadArguments<InputOf<T>>): NewJobSpec
export function newJob(task: AnyTask | string, payload?: unknown, options?: JobOptions): NewJobSpec {
  return Object.freeze({ ...options, task, payload, [SPEC]: true as const })
}

/** The parameters after the task: its payload, which may be left out where `{}` is one, and options. */
export type PayloadArguments<In> = unknown extends In
  ? [payload?: Json | undefined, options?: JobOptions]
  : Record<never, never> extends In
    ? [payload?: In | undefined, options?: JobOptions]
    : [payload: In, options?: JobOptions]

/** The least that an entry of `addJobs` is; `CheckedEntry` says the rest. */
export interface LooseEntry {
  readonly task: AnyTask | string
  readonly payload?: unknown
}

/** What one entry of `addJobs` must be, judged by its own task. */
export type CheckedEntry<E> = E extends { readonly task: infer T }
  ? JobOptions & NoOtherKeys<E> & PayloadField<T, E>
  : LooseEntry

type PayloadField<T, E> = T extends OpenTask | string
  ? { readonly payload?: E extends { readonly payload: infer P } ? JsonOf<P> : unknown }
  : T extends AnyTask
    ? Record<never, never> extends InputOf<T>
      ? { readonly payload?: InputOf<T> | undefined }
      : { readonly payload: InputOf<T> }
    : never

// The entry's type is inferred from the entry, which switches off the compiler's own check for stray keys.
type NoOtherKeys<E> = {
  readonly [K in Exclude<keyof E, keyof JobOptions | 'task' | 'payload'>]?: never
}
