import { isDataFault } from '../store/sqlstate.ts'

/**
 * Conflicts between transactions, and what functions and triggers raise: ours (KT001) and the application's own. As
 * with faulty data, the server has said that nothing was written, and it may be about one job of many.
 */
const REFUSALS = /^(?:40...|P0001|KT001)$/

/**
 * Whether the database refused a statement for something that may concern a single one of its jobs. What concerns them
 * all (no tables, no permission) or leaves open whether they were written (weather) is none.
 */
export function isRefusal(error: unknown): boolean {
  if (isDataFault(error)) return true
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && REFUSALS.test(error.code)
  )
}

/** The same error for another caller, whose stack will be added to it. */
export function copyOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const copy = new Error(error.message)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error))
  const { stack: _stack, ...own } = Object.getOwnPropertyDescriptors(error)
  Object.defineProperties(copy, own)
  Reflect.set(copy, 'stack', error.stack)
  return copy
}
