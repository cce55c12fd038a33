/**
 * Lets so many do `step` again and again until it answers false, and answers how many milliseconds all of them took.
 *
 * @throws what the first of them that failed threw, when none is under way any more; the signal's reason
 */
export async function timeLanes(
  lanes: number,
  step: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<number> {
  let hasFailed = false
  const lane = async (): Promise<void> => {
    try {
      while (!hasFailed && (await step())) signal.throwIfAborted()
    } catch (error) {
      hasFailed = true
      throw error
    }
  }
  const began = performance.now()
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane))
  const ms = performance.now() - began
  for (const each of ended) if (each.status === 'rejected') throw each.reason
  return ms
}
