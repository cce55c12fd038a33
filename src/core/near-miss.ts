/** The candidate that was probably meant, if one is close enough to be worth naming. */
export function nearMiss(word: string, candidates: Iterable<string>): string | undefined {
  // Comparing is quadratic in the length, and nobody mistypes a text of that length.
  if (word.length > 128) return undefined
  let best: string | undefined
  let leastEdits = Math.max(2, Math.floor(word.length / 4)) + 1
  for (const candidate of candidates) {
    const edits = distance(folded(word), folded(candidate))
    if (edits < leastEdits && edits < candidate.length) {
      best = candidate
      leastEdits = edits
    }
  }
  return best
}

/** `did you mean …`, as the tail of a message; empty when nothing is near. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const meant = nearMiss(word, candidates)
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}

// snake_case, kebab-case and camelCase of one name are no distance apart.
function folded(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, '')
}

/** Levenshtein's edit distance, one row of the table at a time. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? 0
}
