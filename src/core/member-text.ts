/**
 * The text of a member of the object that some JSON text is, as it stands there: parsing would round numbers that JavaScript
 * cannot tell apart. The last one of that name, as parsing has it; undefined where there is none.
 *
 * @param text JSON that JSON.parse has taken
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined
  let depth = 0
  let key: string | undefined
  let start = -1
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') {
      const end = endOfString(text, at)
      if (depth === 1 && start === -1) key = text.slice(at, end + 1)
      at = end
    } else if (character === '{' || character === '[') {
      depth++
    } else if (character === ':' && depth === 1) {
      start = at + 1
    } else if (character === ',' || character === '}' || character === ']') {
      if (depth === 1 && start !== -1) {
        if (key !== undefined && JSON.parse(key) === name) found = text.slice(start, at).trim()
        start = -1
      }
      if (character !== ',') depth--
    }
  }
  return found
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '\\') at++
    else if (character === '"') return at
  }
  return text.length
}
