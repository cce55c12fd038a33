import { KongTaskError } from './errors.ts'

/** What is wrong with a crontab, and where. */
export interface CrontabFlaw {
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  readonly reason: string
}

const MOST_SHOWN = 20

/** A crontab cannot be read; `flaws` has every one of them, in order. */
export class CrontabError extends KongTaskError {
  static override readonly brand: string = 'CrontabError'
  readonly flaws: readonly CrontabFlaw[]

  constructor(flaws: readonly CrontabFlaw[]) {
    const shown = flaws.slice(0, MOST_SHOWN).map(({ line, column, reason }) => `${line}:${column} ${reason}`)
    const more = flaws.length > MOST_SHOWN ? [`and ${flaws.length - MOST_SHOWN} more`] : []
    super('KT_CRONTAB_INVALID', `The crontab cannot be read:\n${[...shown, ...more].join('\n')}`)
    this.flaws = flaws
  }
}
