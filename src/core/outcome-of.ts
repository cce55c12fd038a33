import { PermanentError, RetryableError } from './handler-errors.ts'
import { failedAttempt } from './failure.ts'
import { jsonText } from './json-text.ts'
import type { Json } from './json.ts'
import type { Outcome } from './outcome.ts'
import { storableText } from './storable-text.ts'
import { isCancel, isSnooze } from './verdict.ts'

const LONGEST_RESULT = 1_048_576
const LONGEST_REASON = 2_000
const DEEPEST_CAUSE = 20

/**
 * What a handler's return means. A result that JSON cannot carry does not undo the work: the job completes, the
 * result is left out, and `flaw` says why.
 */
export function outcomeOfReturn(value: unknown): { readonly outcome: Outcome; readonly flaw?: string } {
  if (value === undefined) return { outcome: { kind: 'completed', result: undefined } }
  try {
    if (isSnooze(value)) return { outcome: { kind: 'snoozed', delay: value.delay } }
    if (isCancel(value)) {
      return { outcome: { kind: 'cancelled', reason: storableText(value.reason, LONGEST_REASON) } }
    }
    return { outcome: { kind: 'completed', result: resultOf(value) } }
  } catch (error) {
    const flaw = error instanceof Error ? error.message : String(error)
    return { outcome: { kind: 'completed', result: undefined }, flaw }
  }
}

function resultOf(value: unknown): Json {
  const text = jsonText(
    value,
    ({ path, why }) => new Error(`the value at ${path.join('.') || 'the top'} ${why}`),
  )
  if (text.length > LONGEST_RESULT) throw new Error(`it is larger than ${LONGEST_RESULT} characters`)
  return JSON.parse(text)
}

/** What a handler's throw means: try again, unless it says that this cannot help. */
export function outcomeOfThrow(thrown: unknown): Outcome {
  return {
    kind: 'failed',
    error: failedAttempt(thrown),
    permanent: ifReadable(() => isPermanent(thrown)) ?? false,
    retryIn: ifReadable(() => (thrown instanceof RetryableError ? thrown.retryIn : undefined)),
    retryAt: ifReadable(() => (thrown instanceof RetryableError ? thrown.retryAt : undefined)),
    thrown,
  }
}

/** A PermanentError anywhere in the chain of causes, or the seeds' habit: a message that begins with PERMANENT:. */
function isPermanent(thrown: unknown): boolean {
  let link = thrown
  for (let depth = 0; depth < DEEPEST_CAUSE && link !== undefined; depth++) {
    if (link instanceof PermanentError) return true
    link = link instanceof Error ? link.cause : undefined
  }
  return thrown instanceof Error && thrown.message.startsWith('PERMANENT:')
}

/** Getters and proxies may throw, and a message need not be text: such a failure is one as any other. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
