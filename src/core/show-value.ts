const LONGEST = 60

/**
 * A value as an error message may show it: short, on one line, and without running code of its owner (no
 * `toString`, no getters). What is inside objects stays out of messages: it may be secret.
 */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return showText(value)
  if (typeof value === 'object') return showObject(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (typeof value === 'bigint') return `${truncated(value.toString())}n`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return 'undefined'
}

/** Text in quotes, with everything escaped that could break out of a log line. */
export function showText(text: string): string {
  return JSON.stringify(truncated(text)).replaceAll(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    escaped,
  )
}

function showObject(value: object | null): string {
  if (value === null) return 'null'
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString()
  } catch {
    // A proxy, or an object that only inherits from Date.
  }
  return 'an object'
}

function truncated(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
