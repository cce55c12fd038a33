const MASK = '***'

/** A connection string as it may be shown: without its password, wherever that stands. */
export function maskedUrl(connectionString: string): string {
  return connectionString
    .replace(/^([a-z][\w+.-]*:\/\/[^:/?#@]*):.*@(?=[^@]*$)/i, `$1:${MASK}@`)
    .replaceAll(/([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&#]*/gi, `$1${MASK}`)
}
