// What the text of a variable or a flag says. What it cannot mean is returned as it is, for the check to refuse.

/** Not everything that Number reads: '' and ' ' would be 0. */
export function wholeNumber(text: string): unknown {
  return /^\d+$/.test(text) ? Number(text) : text
}

export function yesOrNo(text: string): unknown {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : text
}

export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** `email=10,reports` */
export function queuesOf(text: string): Record<string, unknown> {
  const entries = listOf(text).map((entry): [string, unknown] => {
    const [name = '', concurrency] = entry.split('=', 2)
    return [name, concurrency === undefined ? {} : wholeNumber(concurrency)]
  })
  return Object.fromEntries(entries)
}
