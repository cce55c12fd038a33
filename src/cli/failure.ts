import { CommanderError } from 'commander'
import { catalogue, type ErrorCode } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'
import { ProblemsError, type Problem } from '../project/problems.ts'
import { BrokenOutput } from './broken-output.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { Interruption } from './interruption.ts'
import { plainText } from './plain-text.ts'

/** What stopped a command, as people and programs are told. */
export interface Failure {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly remedy: string | undefined
  readonly stack: string | undefined
  /** One by one, where the message lists several. */
  readonly problems?: readonly Problem[] | undefined
  readonly exitCode: ExitCode
}

/** Faults of the command line, where they are found before anything is done. */
const USAGE: ReadonlySet<ErrorCode> = new Set([
  'KT_USAGE_INVALID',
  'KT_OPTION_INVALID',
  'KT_OPTION_UNKNOWN',
  'KT_DURATION_INVALID',
  'KT_CONNECTION_INVALID',
  'KT_CONFIG_INVALID',
  'KT_SCHEMA_NAME_INVALID',
  'KT_NAME_INVALID',
  'KT_DATE_INVALID',
  'KT_TASK_UNKNOWN',
  'KT_PAYLOAD_NOT_JSON',
  'KT_PAYLOAD_INVALID',
  'KT_PAYLOAD_TOO_LARGE',
  'KT_TASK_FILE_INVALID',
  'KT_CRONTAB_INVALID',
  'KT_SCHEDULE_INVALID',
  'KT_IMPORT_FILE_INVALID',
  'KT_FILE_UNUSABLE',
])

export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return ofUsage(error)
  const stack = error instanceof Error ? stackOf(error) : undefined
  if (error instanceof Interruption || error instanceof BrokenOutput) {
    return { code: undefined, message: error.message, remedy: undefined, stack, exitCode: error.exitCode }
  }
  if (error instanceof KongTaskError) {
    const { code, message } = error
    const exitCode = USAGE.has(code) ? EXIT.usage : EXIT.failed
    const problems = error instanceof ProblemsError ? error.problems : undefined
    return { code, message, remedy: catalogue[code].remedy, stack, problems, exitCode }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: undefined, message, remedy: undefined, stack, exitCode: EXIT.failed }
}

/** The failure as lines for people. */
export function tellFailure({ code, message, remedy, stack }: Failure, isVerbose: boolean): string {
  const title = code === undefined ? message : `${code}: ${message}`
  const lines = [
    title,
    ...(remedy === undefined ? [] : [`What to do: ${remedy}`]),
    ...(isVerbose && stack !== undefined ? [stack] : []),
  ]
  return plainText(lines.join('\n'))
}

/** The failure for a program. */
export function failureAsJson(failure: Failure, isVerbose: boolean): string {
  const { code = null, message, remedy = null, problems, stack } = failure
  const error = { code, message, remedy, problems, ...(isVerbose ? { stack } : {}) }
  return JSON.stringify({ error })
}

function ofUsage(error: CommanderError): Failure {
  const code = 'KT_USAGE_INVALID'
  const isVerbMissing = error.code === 'commander.help'
  const message = isVerbMissing
    ? 'One of its commands has to follow.'
    : sentence(error.message.replace(/^error: /, '').replaceAll('\n', ' '))
  return { code, message, remedy: catalogue[code].remedy, stack: stackOf(error), exitCode: EXIT.usage }
}

function sentence(text: string): string {
  const start = text.slice(0, 1).toUpperCase() + text.slice(1)
  return /[.?!)]$/.test(start) ? start : `${start}.`
}

/** With those of its causes. */
function stackOf(error: Error): string {
  const own = error.stack ?? error.message
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own
}
