import { jsonText } from './json-text.ts'
import type { FailedAttempt } from './outcome.ts'
import { storableText } from './storable-text.ts'

const LONGEST_MESSAGE = 2_000
const LONGEST_STACK = 6_000
const DEEPEST_CAUSE = 5

/** What is kept of something thrown: sizes are bounded, and text is made storable. */
export function failedAttempt(thrown: unknown): FailedAttempt {
  try {
    return describe(thrown, 0)
  } catch {
    // Getters that throw, proxies: whatever it is, the attempt failed, and that must be recorded.
    return { name: 'Error', message: 'Something was thrown that cannot be read.' }
  }
}

interface Description {
  readonly code?: string
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly cause?: Description
}

function describe(thrown: unknown, depth: number): Description {
  if (!(thrown instanceof Error)) {
    return {
      name: 'NonError',
      message: storableText(`A value that is no Error was thrown: ${textOf(thrown)}`, LONGEST_MESSAGE),
    }
  }
  const cause =
    thrown.cause === undefined || depth >= DEEPEST_CAUSE ? undefined : describe(thrown.cause, depth + 1)
  const code = codeOf(thrown)
  return {
    ...(code === undefined ? {} : { code }),
    name: storableText(thrown.name, 200),
    message: storableText(thrown.message, LONGEST_MESSAGE),
    ...(typeof thrown.stack === 'string'
      ? { stack: storableText(withoutOurFrames(thrown.stack), LONGEST_STACK) }
      : {}),
    ...(cause === undefined ? {} : { cause }),
  }
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? storableText(error.code, 100) : undefined
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : jsonText(value, (flaw) => new Error(flaw.why))
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** Frames of KongTask's own executor say nothing about the handler's failure. */
function withoutOurFrames(stack: string): string {
  const lines = stack.split('\n')
  const ours = lines.findIndex((line) => /^\s*at .*[\\/]worker[\\/]executor\.[jt]s/.test(line))
  return (ours === -1 ? lines : lines.slice(0, ours)).join('\n')
}
