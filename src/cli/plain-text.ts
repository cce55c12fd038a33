const OBEYED = /(?![\n\t])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/**
 * What somebody else wrote, such as the message of an error, as it may be shown on a terminal: control characters would be
 * obeyed there. Ends of lines and tabs stay; JSON stays JSON.
 */
export function plainText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(OBEYED, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same where each line is to be one: ends of lines and tabs are shown, too. */
export function plainLine(text: string): string {
  return plainText(text)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', String.raw`\t`)
}
