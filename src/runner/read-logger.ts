import { KongTaskError } from '../core/errors.ts'
import type { LogFields, Logger } from '../core/logger.ts'
import { showValue } from '../core/show-value.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Public: `pino.symbols.serializersSym`. */
const PINO_SERIALIZERS = Symbol.for('pino.serializers')

type Log = (...parts: unknown[]) => void
type LoggerLike = Record<(typeof LEVELS)[number], Log>

/**
 * Somebody's logger as ours: winston and console take message and fields in our order, pino the other way round.
 * One that throws harms no job.
 *
 * @throws KT_OPTION_INVALID where a level is missing
 */
export function readLogger(value: unknown): Logger {
  if (!isLoggerLike(value)) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `run: logger must have the methods ${LEVELS.join(', ')}; it is ${showValue(value)}.`,
    )
  }
  const line = isPino(value) ? fieldsFirst(value) : messageFirst(value)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

type LineOf = (level: (typeof LEVELS)[number]) => (message: string, fields?: LogFields) => void

function messageFirst(logger: LoggerLike): LineOf {
  return (level) => (message, fields) => {
    safely(() => (fields === undefined ? logger[level](message) : logger[level](message, fields)))
  }
}

function fieldsFirst(logger: LoggerLike): LineOf {
  return (level) => (message, fields) => {
    safely(() =>
      fields === undefined ? logger[level](message) : logger[level](forPino(logger, fields), message),
    )
  }
}

/** Unless it is told how, pino prints an error whole only under the name `err`, and else as {}. */
function forPino(logger: LoggerLike, fields: LogFields): LogFields {
  if (!(fields['error'] instanceof Error) || 'err' in fields) return fields
  const serializers: unknown = Reflect.get(logger, PINO_SERIALIZERS)
  if (typeof serializers === 'object' && serializers !== null && 'error' in serializers) return fields
  const { error: err, ...rest } = fields
  return { ...rest, err }
}

function safely(log: () => void): void {
  try {
    log()
  } catch (error) {
    // There is nowhere else to say it, and a job must not fail because its log line did.
    process.emitWarning(`KongTask's logger threw: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function isLoggerLike(value: unknown): value is LoggerLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    LEVELS.every((level) => level in value && typeof Reflect.get(value, level) === 'function')
  )
}

function isPino(logger: object): boolean {
  return 'bindings' in logger && 'child' in logger && 'levels' in logger
}
