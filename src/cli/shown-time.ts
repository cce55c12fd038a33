/** A time as people read it in a table: UTC, to the second. */
export function shownTime(at: Date | undefined): string {
  return at === undefined ? '' : `${at.toISOString().slice(0, 19)}Z`
}

/** Milliseconds as people read them: the two largest units, `3m12s`. */
export function shownAge(ms: number | undefined): string {
  if (ms === undefined) return ''
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`
  const seconds = Math.floor(ms / 1_000)
  const found = UNITS.findIndex(([, length]) => seconds >= length)
  const [unit, length] = UNITS[found] ?? ['s', 1]
  const rest = seconds % length
  const [smaller, smallerLength] = UNITS[found + 1] ?? ['', 0]
  const second = smallerLength === 0 ? 0 : Math.floor(rest / smallerLength)
  return `${Math.floor(seconds / length)}${unit}${second === 0 ? '' : `${second}${smaller}`}`
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
]
