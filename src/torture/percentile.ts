/** The nearest rank; null of nothing. `values` ascending, `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number | null {
  return values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? null
}
