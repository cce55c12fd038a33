// Connections of node-postgres on which statements fail at random: before the server hears of them, or after it has done
// them. A pool passes its `Client` on to those that a runner makes from its options.
import pg from 'pg'
import type { Dice } from '../../src/torture/dice.ts'

/** What a server says while nothing is wrong with the statement, by SQLSTATE. */
export const SERVER_FAULTS = {
  '57014': 'canceling statement due to statement timeout',
  '55P03': 'canceling statement due to lock timeout',
  '40001': 'could not serialize access due to concurrent update',
  '40P01': 'deadlock detected',
  '57P01': 'terminating connection due to administrator command',
  '57P02': 'terminating connection due to crash of another server process',
  '57P03': 'the database system is starting up',
  '53300': 'sorry, too many clients already',
  '25006': 'cannot execute INSERT in a read-only transaction',
  '53100': 'could not extend file: No space left on device',
  '53200': 'out of memory',
} as const

/** The driver's own words, or an SQLSTATE of the server's. */
export type FaultCode = keyof typeof SERVER_FAULTS | 'ECONNRESET' | 'terminated'

export const EVERY_FAULT: readonly FaultCode[] = [
  '57014',
  '55P03',
  '40001',
  '40P01',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '25006',
  '53100',
  '53200',
  'ECONNRESET',
  'terminated',
]

/** Those after which the statement may have been done: the connection ended before its answer came. */
export const BROKEN_OFF: readonly FaultCode[] = ['57P01', '57P02', 'ECONNRESET', 'terminated']

export interface Fault {
  readonly code: FaultCode
  readonly isAfter: boolean
}

/** Chooses what becomes of a statement; undefined lets it be. */
export type ChooseFault = (text: string) => Fault | undefined

/**
 * Of each kind of statement the first fails before it was done, the second after; then one in so many fails, half of them
 * after they were done.
 */
export class RandomFaults {
  isCalm = false
  readonly #seen = new Map<string, { before: number; after: number }>()
  readonly #dice: Dice
  readonly #oneIn: number

  constructor(dice: Dice, oneIn: number) {
    this.#dice = dice
    this.#oneIn = oneIn
  }

  /** Whether some of that kind failed before they were done, and some after. */
  sawBoth(kind: string): boolean {
    const { before = 0, after = 0 } = this.#seen.get(kind) ?? {}
    return before > 0 && after > 0
  }

  choose(text: string): Fault | undefined {
    if (this.isCalm) return undefined
    const kind = kindOf(text)
    const seen = this.#seen.get(kind) ?? { before: 0, after: 0 }
    const isOneMore = seen.before > 0 && seen.after > 0
    if (isOneMore && !this.#dice.chance(1 / this.#oneIn)) return undefined
    const isAfter = isOneMore ? this.#dice.chance(1 / 2) : seen.before > 0
    seen[isAfter ? 'after' : 'before'] += 1
    this.#seen.set(kind, seen)
    // The engine may be lied to: of whatever failed it believes that it may have happened. Who adds or commits may not.
    const codes = isAfter && /^(?:insert_jobs|commit)$/.test(kind) ? BROKEN_OFF : EVERY_FAULT
    return { code: this.#dice.of(codes) ?? 'terminated', isAfter }
  }
}

/** The function or table of ours that a statement is about, or its first word. */
function kindOf(text: string): string {
  return /kongtask"?\.(\w+)/.exec(text)?.[1] ?? /\w+/.exec(text)?.[0] ?? ''
}

export function faultyClient(choose: ChooseFault): new () => pg.Client {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super(config)
      const query: unknown = Reflect.get(this, 'query')
      if (typeof query !== 'function') throw new TypeError('a client has no query')
      const send = (args: readonly unknown[]): unknown => Reflect.apply(query, this, args)
      Reflect.set(this, 'query', (...args: readonly unknown[]): unknown => {
        const fault = choose(textOf(args[0]))
        if (fault === undefined) return send(args)
        const last = args.at(-1)
        if (!isCallback(last)) return failing(fault, () => send(args))
        failing(fault, () => send(args.slice(0, -1))).catch((error: unknown) => last(error))
        return undefined
      })
    }
  }
}

/** Never resolves. */
async function failing({ code, isAfter }: Fault, send: () => unknown): Promise<never> {
  if (isAfter) await send()
  throw errorOf(code)
}

function errorOf(code: FaultCode): Error {
  if (code === 'terminated') return new Error('Connection terminated unexpectedly')
  if (code === 'ECONNRESET') return Object.assign(new Error('read ECONNRESET'), { code })
  return Object.assign(new pg.DatabaseError(SERVER_FAULTS[code], 0, 'error'), { code, severity: 'ERROR' })
}

function textOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  if (typeof statement !== 'object' || statement === null || !('text' in statement)) return ''
  return typeof statement.text === 'string' ? statement.text : ''
}

function isCallback(value: unknown): value is (error: unknown) => void {
  return typeof value === 'function'
}
