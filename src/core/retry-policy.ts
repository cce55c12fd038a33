import { parseDuration, type Duration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import type { JobFacts } from './job-facts.ts'

/** What a backoff policy may go by, beside the number of the attempt. */
export interface BackoffFailure {
  readonly job: JobFacts
  /** What the handler threw, or the `JobTimeoutError`. */
  readonly error: unknown
}

/**
 * How long to wait after a failed attempt (1-based): milliseconds, or text such as `'10m'`. From 0 to a year; what is
 * longer waits a year. A policy that throws, or answers anything else, is replaced by the default for this once, and
 * `job.backoff_failed` says so.
 *
 * @example
 * backoff: (attempt, { error }) => (error instanceof QuotaExceeded ? '1h' : attempt * 1_000)
 */
export type BackoffPolicy = (attempt: number, failure: BackoffFailure) => Duration

/** A policy that goes by the number of the attempt alone, and answers milliseconds. */
export type AttemptBackoff = (attempt: number) => number

/** Share by which a delay varies in either direction, so that jobs that failed together do not return together. */
const JITTER = 0.1
const LONGEST = 365 * 24 * 3_600_000

/** The longest wait of a policy, and its spread. */
export interface BackoffLimits {
  /** Longest delay: milliseconds or a duration like '1h'. Default one year. */
  readonly max?: number | string | undefined
  /** Random spread in either direction as a share of the delay, 0 to 1. Default 0.1. */
  readonly jitter?: number | undefined
}

/** `base`, then twice that, then twice that again, up to `max`. Default base: one second. */
export function exponential(
  options: BackoffLimits & {
    readonly base?: number | string | undefined
    readonly factor?: number | undefined
  } = {},
): AttemptBackoff {
  const base = parseDuration(options.base ?? 1_000, 'base')
  const factor = checkedNumber(options.factor ?? 2, 'factor', 1, 100)
  // Zero times infinity would be no number.
  return limited((attempt) => base * Math.min(factor ** (attempt - 1), Number.MAX_VALUE), options)
}

/** `base × attempt^power`, up to `max`. The default policy is `polynomial()`: attempt⁴ seconds. */
export function polynomial(
  options: BackoffLimits & {
    readonly base?: number | string | undefined
    readonly power?: number | undefined
  } = {},
): AttemptBackoff {
  const base = parseDuration(options.base ?? 1_000, 'base')
  const power = checkedNumber(options.power ?? 4, 'power', 0, 10)
  return limited((attempt) => base * attempt ** power, options)
}

/** The same delay after every attempt. */
export function fixed(delay: number | string, options: BackoffLimits = {}): AttemptBackoff {
  const milliseconds = parseDuration(delay, 'delay')
  return limited(() => milliseconds, options)
}

function limited(delayOf: (attempt: number) => number, options: BackoffLimits): AttemptBackoff {
  const max = options.max === undefined ? LONGEST : parseDuration(options.max, 'max')
  const jitter = checkedNumber(options.jitter ?? JITTER, 'jitter', 0, 1)
  return (attempt) => {
    // The spread stays below the longest delay, and is there also for jobs that have reached it.
    const delay = Math.min(delayOf(attempt), max / (1 + jitter))
    return Math.round(delay * (1 + jitter * (Math.random() * 2 - 1)))
  }
}

function checkedNumber(value: unknown, option: string, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `The backoff option "${option}" must be a number from ${least} to ${most}.`,
  )
}

/** attempt⁴ seconds ± 10 %: 1 s, 16 s, 81 s, 4 min … 25 attempts take about three weeks. */
export const defaultBackoff: AttemptBackoff = polynomial()

/** What a policy came to. */
export interface BackoffDelay {
  /** Milliseconds. */
  readonly delay: number
  /** Why the default was asked instead: what the policy threw, or what was wrong with its answer. */
  readonly flaw?: { readonly error: unknown }
}

/** What a policy says, up to a year; whatever it does, the job must be settled. */
export function delayAfter(failure: BackoffFailure, policy: BackoffPolicy = defaultBackoff): BackoffDelay {
  const { attempt } = failure.job
  try {
    const answer: unknown = policy(attempt, failure)
    if (answer instanceof Promise) answer.catch(() => undefined)
    const isLong = typeof answer === 'number' && answer > LONGEST
    return { delay: isLong ? LONGEST : Math.min(parseDuration(answer, 'backoff'), LONGEST) }
  } catch (error) {
    return { delay: defaultBackoff(attempt), flaw: { error } }
  }
}
