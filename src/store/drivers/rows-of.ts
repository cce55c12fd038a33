/** Drivers answer with the rows, or with an object that has them. */
export function rowsOf(answer: unknown): { readonly rows: readonly unknown[] } {
  if (Array.isArray(answer)) return { rows: answer }
  if (typeof answer === 'object' && answer !== null && 'rows' in answer && Array.isArray(answer.rows)) {
    return { rows: answer.rows }
  }
  throw new TypeError('The driver answered without rows.')
}
