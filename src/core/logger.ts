/** Facts about what a line says, kept apart from its words. */
export type LogFields = Readonly<Record<string, unknown>>

/** What KongTask and handlers log to: a message and, where there are any, structured fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}
