import type { JsonFlaw } from './json-flaw.ts'
import { showValue } from './show-value.ts'

const LONE_SURROGATE = /\p{Surrogate}/u

/** Why PostgreSQL could not store this text as it is; `undefined` when it can. */
export function textFlaw(text: string): string | undefined {
  if (text.includes('\0')) return 'holds the character \\u0000, which PostgreSQL cannot store'
  if (LONE_SURROGATE.test(text)) return 'holds half of a surrogate pair, which is not valid text'
  return undefined
}

/** The first string or key that PostgreSQL could not store, in a value that JSON.parse returned. */
export function findTextFlaw(value: unknown): JsonFlaw | undefined {
  if (typeof value === 'string') {
    const why = textFlaw(value)
    return why === undefined ? undefined : { path: [], why }
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, item] of Object.entries(value)) {
    const why = textFlaw(key)
    if (why !== undefined) return { path: [key], why: `has a key that ${why}` }
    const flaw = findTextFlaw(item)
    if (flaw !== undefined)
      return { path: [Array.isArray(value) ? Number(key) : key, ...flaw.path], why: flaw.why }
  }
  return undefined
}

/** Any value as bounded text that PostgreSQL can store: for what must be kept whatever it says. */
export function storableText(value: unknown, longest: number): string {
  const text = typeof value === 'string' ? value : showValue(value)
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text
  return short.replaceAll('\0', '\\0').replaceAll(/\p{Surrogate}/gu, '\uFFFD')
}
