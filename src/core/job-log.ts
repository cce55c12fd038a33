import type { JsonObject } from './json.ts'

/** How grave a line is; each includes those behind it. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** A line that a handler logged. */
export interface JobLog {
  /** Where it stands: lines of a job ascend. For `after`. */
  readonly id: string
  /** Of the execution that logged it; 1-based. */
  readonly attempt: number
  readonly at: Date
  readonly level: LogLevel
  readonly message: string
  readonly fields: JsonObject
}
