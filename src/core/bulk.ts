import { parsePositiveDuration } from './duration.ts'
import { KongTaskError } from './errors.ts'
import { invalid } from './option-values.ts'
import { readOptions } from './plain-object.ts'
import { textFlaw } from './storable-text.ts'

/** How something is done with all jobs that fit a filter. */
export interface BulkOptions {
  /** Changes nothing and tells how many jobs would be touched: counted up to 10,000. @default false */
  readonly dryRun?: boolean | undefined
  /** Ends the work between two batches; the call rejects with its reason, and what was done stays done. */
  readonly signal?: AbortSignal | undefined
  /** Told after each batch how far things are; awaited. What it throws ends the work like an abort. */
  readonly onBatch?: ((progress: BulkResult) => void | Promise<void>) | undefined
}

/** What became of all jobs that fit. */
export interface BulkResult {
  /** Jobs that fit when they were looked at. */
  readonly matched: number
  /** Jobs that were changed, running ones that were told included; 0 in a dry run. */
  readonly changed: number
  /** Jobs that could not come back to life, because another job has their unique key. */
  readonly conflicts: number
  /** Jobs that fitted no longer when it was their turn: claimed, finished or changed meanwhile. They were left alone. */
  readonly skipped: number
  /** Jobs that were looked at. */
  readonly scanned: number
  /** False: a dry run that stopped counting, so it is `matched` at least. */
  readonly complete: boolean
}

/** Bulk options, checked. */
export interface CheckedBulk {
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
  readonly onBatch: ((progress: BulkResult) => unknown) | undefined
  /** Jobs a second; undefined: as fast as it goes. */
  readonly rate: number | undefined
}

const KNOWN = ['dryRun', 'signal', 'onBatch'] as const

/**
 * @param what whose options they are, for messages: `jobs.cancel`
 * @param more names of options that this call has beside
 * @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID
 */
export function readBulk(
  value: unknown,
  what: string,
  more: readonly string[] = [],
): { readonly bulk: CheckedBulk; readonly given: Readonly<Record<string, unknown>> } {
  const given = readOptions(value, new Set([...KNOWN, ...more]), what)
  const { dryRun = false, signal, onBatch, rate } = given
  if (typeof dryRun !== 'boolean') throw invalid('dryRun', dryRun, 'must be true or false')
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid('signal', signal, 'must be an AbortSignal')
  }
  if (onBatch !== undefined && !isCallback(onBatch)) throw invalid('onBatch', onBatch, 'must be a function')
  return {
    bulk: { dryRun, signal, onBatch, rate: rate === undefined ? undefined : checkRate(rate) },
    given,
  }
}

function isCallback(value: unknown): value is (progress: BulkResult) => unknown {
  return typeof value === 'function'
}

const LONGEST_REASON = 1_000
const LEAST_RATE = 0.01
const MOST_RATE = 1_000_000

/** Jobs a second, from a number or from text such as `'100/s'`, `'5/m'`, `'1000/h'`. @throws KT_OPTION_INVALID */
export function checkRate(value: unknown): number {
  const rate = typeof value === 'string' ? rateOf(value) : value
  if (typeof rate === 'number' && rate >= LEAST_RATE && rate <= MOST_RATE) return rate
  throw invalid('rate', value, "must be jobs a second, or text like '100/s' or '30/m'")
}

function rateOf(text: string): number {
  const [, count = '', period = ''] = /^(\d{1,9}(?:\.\d{1,3})?)\/(\d{0,6}(?:s|m|h))$/.exec(text) ?? []
  if (period === '') return Number.NaN
  const ms = parsePositiveDuration(/^\d/.test(period) ? period : `1${period}`, 'rate')
  return (Number(count) * 1_000) / ms
}

/** Text that says why. @throws KT_OPTION_INVALID */
export function checkReason(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > LONGEST_REASON) {
    throw invalid('reason', value, `must be text of 1 to ${LONGEST_REASON} characters`)
  }
  const flaw = textFlaw(value)
  if (flaw !== undefined) throw new KongTaskError('KT_OPTION_INVALID', `\`reason\` ${flaw}.`)
  return value
}
