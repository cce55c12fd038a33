import { parsePositiveDuration, type Duration } from './duration.ts'
import { checkQueueName } from './names.ts'
import { checkMaxAttempts, checkPriority, checkRetain, invalid } from './option-values.ts'
import type { BackoffPolicy } from './retry-policy.ts'

/** What all jobs of a task have in common, unless said otherwise when one is added. */
export interface TaskOptions {
  /** The queue that its jobs wait in. @default `default` */
  readonly queue?: string | undefined
  /** How often a job may be attempted, 1 to 32767; then it is dead. @default 25 */
  readonly maxAttempts?: number | undefined
  /** 0 to 15; lower runs first. @default 1 */
  readonly priority?: number | undefined
  /** How long an attempt may take before `signal` aborts and it counts as failed. @default none */
  readonly timeout?: Duration | undefined
  /** How long to keep jobs once completed or cancelled; `false`: not at all. @default 24 h */
  readonly retain?: Duration | false | undefined
  /** How long to wait after a failed attempt. @default attempt⁴ seconds ± 10 % */
  readonly backoff?: BackoffPolicy | undefined
}

/** `TaskOptions` that passed every check: durations in milliseconds, absent where not given. */
export interface TaskDefaults {
  readonly queue?: string
  readonly maxAttempts?: number
  readonly priority?: number
  /** Milliseconds. */
  readonly timeout?: number
  /** Milliseconds, or `false` for not at all. */
  readonly retain?: number | false
  readonly backoff?: BackoffPolicy
}

type Check = (value: unknown) => TaskDefaults

const CHECKS: { readonly [Option in keyof Required<TaskOptions>]: Check } = {
  queue: (value) => ({ queue: checkQueueName(value) }),
  maxAttempts: (value) => ({ maxAttempts: checkMaxAttempts(value) }),
  priority: (value) => ({ priority: checkPriority(value) }),
  timeout: (value) => ({ timeout: parsePositiveDuration(value, 'timeout') }),
  retain: (value) => ({ retain: checkRetain(value) }),
  backoff: (value) => ({ backoff: checkBackoff(value) }),
}

export const TASK_OPTIONS: readonly string[] = Object.keys(CHECKS)

/** @throws KT_OPTION_INVALID, KT_DURATION_INVALID, KT_NAME_INVALID */
export function checkTaskOptions(options: Readonly<Record<string, unknown>>): TaskDefaults {
  const defaults: TaskDefaults = {}
  for (const [option, check] of Object.entries(CHECKS)) {
    const given = options[option]
    if (given !== undefined) Object.assign(defaults, check(given))
  }
  return Object.freeze(defaults)
}

function checkBackoff(value: unknown): BackoffPolicy {
  if (isBackoff(value)) return value
  throw invalid(
    'backoff',
    value,
    'must be what `exponential`, `polynomial` or `fixed` returned, or a function of the attempt',
  )
}

function isBackoff(value: unknown): value is BackoffPolicy {
  return typeof value === 'function'
}
