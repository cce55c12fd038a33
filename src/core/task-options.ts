import { OPTION_CHECKS, type JobOptions } from './job-options.ts'
import type { NewJobOptions } from './new-job.ts'
import { checkConflictHasKey, invalid } from './option-values.ts'
import type { BackoffPolicy } from './retry-policy.ts'

/**
 * What all jobs of a task have in common, unless said otherwise when one is added: every option of `addJob` but a
 * fixed time and a version, and how to retry. Runners publish it to the database, so that adding by name and from SQL uses it too.
 */
export interface TaskOptions extends Omit<JobOptions, 'scheduledAt' | 'version'> {
  /** How long to wait after a failed attempt. @default attempt⁴ seconds ± 10 % */
  readonly backoff?: BackoffPolicy | undefined
}

/** `TaskOptions` that passed every check: durations in milliseconds, absent where not given. */
export interface TaskDefaults extends Omit<NewJobOptions, 'scheduledAt' | 'version'> {
  readonly backoff?: BackoffPolicy
}

const { scheduledAt: _scheduledAt, version: _version, ...JOB_CHECKS } = OPTION_CHECKS

const CHECKS: { readonly [Option in keyof Required<TaskOptions>]: (value: unknown) => TaskDefaults } = {
  ...JOB_CHECKS,
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
  checkConflictHasKey(defaults)
  return Object.freeze(defaults)
}

/** What concerns the jobs themselves; how to retry is the worker's business. */
export function jobDefaults(defaults: TaskDefaults): NewJobOptions {
  const { backoff: _backoff, ...rest } = defaults
  return rest
}

function checkBackoff(value: unknown): BackoffPolicy {
  if (isBackoff(value)) return value
  throw invalid(
    'backoff',
    value,
    'must be what `exponential`, `polynomial` or `fixed` returned, or a function of the attempt and the failure',
  )
}

function isBackoff(value: unknown): value is BackoffPolicy {
  return typeof value === 'function'
}
