import type { LogFields } from '../core/logger.ts'
import { showValue } from '../core/show-value.ts'
import { findTextFlaw, storableText } from '../core/storable-text.ts'

const LONGEST_TEXT = 8_192
const LONGEST_FIELDS = 16_384
const DEEPEST = 8

/**
 * The fields of a line as JSON text that PostgreSQL can store. Whatever they hold is made to fit, for nothing that is
 * logged may fail: errors keep name, message and stack, what JSON has not is named, what is too deep or too long is cut.
 */
export function fieldsText(fields: LogFields): string {
  try {
    const text = JSON.stringify(plain(fields, 0))
    if (text.length > LONGEST_FIELDS) return cut(text)
    // The walk makes values storable; a key that is not is rare enough to give up the rest.
    return text.includes('\\u') && findTextFlaw(JSON.parse(text)) !== undefined ? cut(text) : text
  } catch {
    return cut('they cannot be read')
  }
}

function cut(text: string): string {
  return JSON.stringify({ cut: storableText(text, LONGEST_TEXT) })
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return storableText(value, LONGEST_TEXT)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return value === undefined ? undefined : showValue(value)
  if (depth >= DEEPEST) return showValue(value)
  if (value instanceof Error) {
    const { name, message, stack, cause } = value
    return plain({ name, message, stack, ...(cause === undefined ? {} : { cause }) }, depth + 1)
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), depth + 1)
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]))
}
