import type { LogFields, Logger } from '../core/logger.ts'
import type { LogLevel } from '../core/job-log.ts'
import { plainText } from './plain-text.ts'
import type { Terminal } from './terminal.ts'

/** Lines for people: the time of day, the message, and the facts behind it. */
export function terminalLogger(terminal: Terminal, isVerbose: boolean): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const facts = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${shown(value)}`)
    const time = terminal.paint('dim', new Date().toTimeString().slice(0, 8))
    const said = terminal.paint(STYLES[level], plainText(message))
    const text = `${time} ${said}${terminal.paint('dim', plainText(facts.join('')))}`
    terminal.say(text)
  }
  return {
    debug: isVerbose ? write('debug') : () => undefined,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

const STYLES = { debug: 'dim', info: 'reset', warn: 'yellow', error: 'red' } as const

/** One JSON object a line, for whatever collects logs. */
export function jsonLogger(terminal: Terminal, isVerbose: boolean): Logger {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    const line = { time: new Date().toISOString(), level, message, ...plain(fields) }
    terminal.say(JSON.stringify(line))
  }
  return {
    debug: isVerbose ? write('debug') : () => undefined,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

/** What JSON cannot carry as text, so that no line is lost over it. */
function plain(fields: LogFields | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields ?? {}).map(([key, value]) => {
      if (value instanceof Error) return [key, value.stack ?? value.message]
      try {
        return [key, JSON.stringify(value) === undefined ? String(value) : value]
      } catch {
        return [key, '[unprintable]']
      }
    }),
  )
}

function shown(value: unknown): string {
  if (value instanceof Error) return value.message
  if (typeof value === 'string') return /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return '[unprintable]'
  }
}
