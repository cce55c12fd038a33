const [HIGHEST, USUAL, LOWEST] = [0, 1, 15]

/** A priority of ours. What is usual elsewhere is usual here, and what is off the scale goes to its end. */
export function priorityOf(lowerRunsFirst: number): { readonly priority: number; readonly isExact: boolean } {
  const exact = USUAL + lowerRunsFirst
  const priority = Math.min(LOWEST, Math.max(HIGHEST, exact))
  return { priority, isExact: priority === exact }
}
