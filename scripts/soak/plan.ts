/** How a soak goes. */
export interface Plan {
  readonly minutes: number
  /** Jobs per second. */
  readonly rate: number
  /** Seconds between two kills. */
  readonly killEvery: number
  readonly seed: number
}

export const SCHEMA = 'soak'
/** Worker processes: one that lives through all of it, and those that are killed in turn. */
export const VICTIMS = 2
/** Jobs at once in each of them. */
export const CONCURRENCY = 100

/** What a job is, by its number: so that every process knows it, and the audit, too. */
export type Kind =
  /** Takes effect, then completes: at least once. */
  | 'plain'
  /** Fails on its first attempt. */
  | 'failing'
  /** Completes in the transaction of its effect: exactly once. It is kept in the history, the others are not. */
  | 'exact'

export function kindOf(n: number): Kind {
  if (n % 10 === 3) return 'exact'
  return n % 50 === 7 ? 'failing' : 'plain'
}

/** The same for SQL, where `n` is a column. */
export const IS_EXACT = 'n % 10 = 3'
