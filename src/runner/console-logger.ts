import type { LogFields, Logger } from '../core/logger.ts'

/** What a runner logs to when it is given nothing: one line each, on standard output and error, without debug. */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: (message, fields) => write(process.stdout, 'info', message, fields),
  warn: (message, fields) => write(process.stderr, 'warn', message, fields),
  error: (message, fields) => write(process.stderr, 'error', message, fields),
}

function write(
  stream: NodeJS.WritableStream,
  level: string,
  message: string,
  fields: LogFields | undefined,
): void {
  const facts = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${shown(value)}`)
  stream.write(`${new Date().toISOString()} ${level.padEnd(5)} ${message}${facts.join('')}\n`)
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message)
  if (typeof value === 'string' && /^[\w.:/@-]+$/.test(value)) return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return '[unprintable]'
  }
}
