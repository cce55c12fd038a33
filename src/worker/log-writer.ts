// Keeps what handlers log, for others to read: in batches, behind the handlers' backs. What was logged in the last second
// before a kill -9 is lost, and so is what comes while the database does not answer and there is no room any more.
import type { LogFields, Logger } from '../core/logger.ts'
import { LOG_LEVELS, type LogLevel } from '../core/job-log.ts'
import { storableText } from '../core/storable-text.ts'
import type { Service } from '../runtime/service.ts'
import { startTimer, type Timer } from '../runtime/timer.ts'
import type { ClaimedJob } from '../store/claim-jobs.ts'
import type { LoggedLine } from '../store/logs.ts'
import { logRetentionOf } from '../store/rows.ts'
import { isDataFault } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'
import { fieldsText } from './log-fields.ts'

/** Milliseconds that a line may wait for others. */
const INTERVAL = 1_000
const LARGEST_BATCH = 500
/** Lines that wait for the database. */
const MOST_LINES = 10_000
/** Of one execution. */
const MOST_LINES_EACH = 1_000
const MOST_CHARACTERS_EACH = 256 * 1024
const LONGEST_MESSAGE = 8_192

export interface LogWriterOptions {
  readonly store: Pick<Store, 'storeLogs'>
  /** The least grave lines that are kept. */
  readonly level: LogLevel
  /** Milliseconds that a line is kept, where its job says nothing. */
  readonly keep: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onWeather: (error: unknown) => void
  /** So many lines will never be stored. */
  readonly onDropped: (lines: number) => void
}

interface WaitingLine extends Omit<LoggedLine, 'age'> {
  /** Monotonic milliseconds. */
  readonly loggedAt: number
}

export class LogWriter implements Service {
  readonly #options: LogWriterOptions
  #lines: WaitingLine[] = []
  #dropped = 0
  #hasStopped = false
  #timer: Timer | undefined
  #writing: Promise<void> | undefined

  constructor(options: LogWriterOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** Writes what is left, if the database lets us. */
  async stop(): Promise<void> {
    this.#hasStopped = true
    this.#timer?.stop()
    await this.#writing
    for (let isWritten = true; isWritten && this.#lines.length > 0;) isWritten = await this.#write()
    this.#drop(this.#lines.splice(0).length)
    this.#tellDropped()
  }

  /** A logger that keeps the lines of one execution, as many as it may log. */
  linesOf({ id, attempt, extras }: ClaimedJob): Logger {
    const keep = (extras === null ? undefined : logRetentionOf(JSON.parse(extras))) ?? this.#options.keep
    if (keep === false) return SILENT
    let lines = 0
    let characters = 0
    const least = LOG_LEVELS.indexOf(this.#options.level)
    const line =
      (level: LogLevel): Logger['debug'] =>
      (message, fields) => {
        if (lines >= MOST_LINES_EACH) return
        const kept = this.#lineOf(level, message, fields)
        lines += 1
        characters += kept.message.length + (kept.fields?.length ?? 0)
        const isCut = lines === MOST_LINES_EACH || characters > MOST_CHARACTERS_EACH
        if (isCut) lines = MOST_LINES_EACH
        this.#add({ ...(isCut ? { ...kept, ...CUT } : kept), job: id, attempt, keep })
      }
    const ofLevel = (level: LogLevel): Logger['debug'] =>
      LOG_LEVELS.indexOf(level) < least ? ignore : line(level)
    return { debug: ofLevel('debug'), info: ofLevel('info'), warn: ofLevel('warn'), error: ofLevel('error') }
  }

  #lineOf(
    level: LogLevel,
    message: unknown,
    fields: LogFields | undefined,
  ): Omit<WaitingLine, 'job' | 'attempt' | 'keep'> {
    return {
      level,
      message: storableText(message, LONGEST_MESSAGE),
      fields: fields === undefined ? undefined : fieldsText(fields),
      loggedAt: this.#options.now(),
    }
  }

  #add(line: WaitingLine): void {
    if (this.#hasStopped) return
    if (this.#lines.length >= MOST_LINES) this.#drop(1)
    else this.#lines.push(line)
    this.#schedule(this.#lines.length >= LARGEST_BATCH ? 0 : INTERVAL)
  }

  #schedule(within: number): void {
    if (this.#writing !== undefined || (this.#timer !== undefined && within > 0)) return
    this.#timer?.stop()
    this.#timer = startTimer(within, () => {
      this.#timer = undefined
      this.#writing = this.#write().then((isWritten) => {
        this.#writing = undefined
        if (this.#lines.length > 0 && !this.#hasStopped) {
          this.#schedule(isWritten && this.#lines.length >= LARGEST_BATCH ? 0 : INTERVAL)
        }
      })
    })
  }

  /** Never rejects: no job is worth failing for a line. False where the lines wait on. */
  async #write(): Promise<boolean> {
    const { store, now, onWeather } = this.#options
    const batch = this.#lines.slice(0, LARGEST_BATCH)
    const sentAt = now()
    try {
      await store.storeLogs(batch.map(({ loggedAt, ...line }) => ({ ...line, age: sentAt - loggedAt })))
    } catch (error) {
      onWeather(error)
      if (!isDataFault(error)) return false
      this.#drop(batch.length)
    }
    this.#lines.splice(0, batch.length)
    this.#tellDropped()
    return true
  }

  #drop(lines: number): void {
    this.#dropped += lines
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return
    this.#options.onDropped(this.#dropped)
    this.#dropped = 0
  }
}

const CUT = {
  level: 'warn',
  message: `This attempt logged more than is kept of one (${MOST_LINES_EACH} lines, ${MOST_CHARACTERS_EACH / 1024} KiB); this is the last line.`,
  fields: undefined,
} as const

function ignore(): void {}

const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
