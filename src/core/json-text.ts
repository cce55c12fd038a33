import { findJsonFlaw, type JsonFlaw } from './json-flaw.ts'
import { rawJsonFlaw } from './raw-json-flaw.ts'
import { findTextFlaw } from './storable-text.ts'

/**
 * How JSON.stringify writes what PostgreSQL cannot store. A backslash before it makes it harmless text, so a
 * hit is a suspicion only.
 */
const SUSPICIOUS = /\\u(?:0000|d[89a-f])/

/** Raised with where and why; who called knows whether it was a payload, metadata or a result. */
export type RefuseFlaw = (flaw: JsonFlaw) => Error

/**
 * The JSON text of a value that survives the way there and back, for PostgreSQL's `jsonb`.
 *
 * One walk over the value and one native stringify; strings are searched in the finished text, where that is
 * fastest. Bulk adding passes here with every payload.
 */
export function jsonText(value: unknown, refuse: RefuseFlaw): string {
  const text = stringified(value, refuse)
  const flaw = flawOf(value, refuse) ?? suspectedTextFlaw(text)
  if (flaw !== undefined) throw refuse(flaw)
  // Only values that the walk refuses have no text.
  return text ?? 'null'
}

/**
 * JSON text that somebody else wrote, as it is. It is parsed once, to be sure: the text of one job stands beside that
 * of others in one statement.
 */
export function rawJsonText(text: unknown, refuse: RefuseFlaw): string {
  if (typeof text !== 'string') throw refuse({ path: [], why: 'must be JSON text, because the task is raw' })
  try {
    JSON.parse(text)
  } catch (error) {
    throw refuse({
      path: [],
      why: `is no JSON text: ${error instanceof Error ? error.message : 'unreadable'}`,
    })
  }
  const flaw = rawJsonFlaw(text)
  if (flaw !== undefined) throw refuse(flaw)
  return text
}

/** Bytes in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength
}

/** Whether the text is longer than `limit` bytes in UTF-8; counts only where it is near. */
export function isLargerThan(text: string, limit: number): boolean {
  if (text.length > limit) return true
  return text.length * 3 > limit && byteLength(text) > limit
}

function stringified(value: unknown, refuse: RefuseFlaw): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw refuse(careful(value) ?? unreadable(error))
  }
}

function flawOf(value: unknown, refuse: RefuseFlaw): JsonFlaw | undefined {
  try {
    return findJsonFlaw(value, false)
  } catch (error) {
    // It was read once already, but need not answer the same twice.
    throw refuse(unreadable(error))
  }
}

function unreadable(error: unknown): JsonFlaw {
  const message: unknown = error instanceof Error ? error.message : undefined
  const why = typeof message === 'string' ? `cannot be read: ${message.split('\n', 1)[0]}` : 'cannot be read'
  return { path: [], why }
}

// A getter or proxy that throws for JSON.stringify throws for the walk as well.
function careful(value: unknown): JsonFlaw | undefined {
  try {
    return findJsonFlaw(value, true)
  } catch {
    return undefined
  }
}

function suspectedTextFlaw(text: string | undefined): JsonFlaw | undefined {
  return text !== undefined && SUSPICIOUS.test(text) ? findTextFlaw(JSON.parse(text)) : undefined
}
