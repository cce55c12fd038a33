import { DEEPEST, type JsonFlaw } from './json-flaw.ts'
import { textFlaw } from './storable-text.ts'

/** PostgreSQL takes 131072 digits before the point and 16383 behind it, and prints all of them. */
const MOST_DIGITS = 10_000
const LARGEST_EXPONENT = 999

const NUMBER = /-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?/y

/**
 * What PostgreSQL could not store in text that JSON.parse takes. By the text itself, since parsing hides what is
 * overwritten by a later key of the same name. In one walk without recursion, because the text may be long and deep.
 */
export function rawJsonFlaw(text: string): JsonFlaw | undefined {
  const why = textFlaw(text) ?? tokenFlaw(text)
  return why === undefined ? undefined : { path: [], why }
}

function tokenFlaw(text: string): string | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') {
      const end = endOfString(text, at)
      const why = stringFlaw(text.slice(at, end + 1))
      if (why !== undefined) return why
      at = end
    } else if (character === '[' || character === '{') {
      depth++
      if (depth > DEEPEST) return `is nested deeper than ${DEEPEST} levels`
    } else if (character === ']' || character === '}') {
      depth--
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = at
      const number = NUMBER.exec(text)
      if (number === null) continue
      if (isUnwieldy(number)) return 'holds a number of more digits than PostgreSQL can store'
      at = NUMBER.lastIndex - 1
    }
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charAt(end - 1 - backslashes) === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

function stringFlaw(literal: string): string | undefined {
  if (!literal.includes('\\u')) return undefined
  const parsed: unknown = JSON.parse(literal)
  return typeof parsed === 'string' ? textFlaw(parsed) : undefined
}

function isUnwieldy([, whole = '', fraction = '', exponent = '0']: RegExpExecArray): boolean {
  return whole.length + fraction.length > MOST_DIGITS || Math.abs(Number(exponent)) > LARGEST_EXPONENT
}
