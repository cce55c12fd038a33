// PGlite has one session. Connections share it as they would behind a pooler in transaction mode that has a single
// connection to the server: whoever has begun a transaction has the session until that ends, the others wait.
import { AsyncLocalStorage } from 'node:async_hooks'

/** A connection, as the session knows it. */
export interface SessionUser {
  /** What the server says unasked: a notification, as the bytes of the protocol. */
  heard(message: Uint8Array): void
  /** The server ends it. */
  dismiss(): void
}

/** A transaction, or a statement by itself, from the first byte to the end of it. */
export class Turn {
  isOver = false
}

interface Exchange {
  readonly user: SessionUser
  readonly turn: Turn
  readonly message: Uint8Array
  readonly resolve: (answer: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/** The transactions within which code runs, outermost first. */
const within = new AsyncLocalStorage<readonly Turn[]>()

export class OneSession {
  readonly #server: (message: Uint8Array) => Promise<Uint8Array>
  readonly #users = new Set<SessionUser>()
  #waiting: Exchange[] = []
  #busy: SessionUser | undefined
  #holder: { readonly user: SessionUser; readonly turn: Turn } | undefined

  /** @param server takes messages of PostgreSQL's protocol, up to one that asks for an answer, and gives that */
  constructor(server: (message: Uint8Array) => Promise<Uint8Array>) {
    this.#server = server
  }

  join(user: SessionUser): void {
    this.#users.add(user)
  }

  /** What it had begun is rolled back. */
  leave(user: SessionUser): void {
    if (!this.#users.delete(user)) return
    this.#waiting = this.#waiting.filter((exchange) => exchange.user !== user)
    if (this.#busy !== user && this.#holder?.user !== user) return
    this.exchange(user, new Turn(), ROLLBACK).catch(() => undefined)
  }

  /** Ends all connections, whatever they are doing. */
  dismissAll(): void {
    for (const user of Array.from(this.#users)) user.dismiss()
  }

  exchange(user: SessionUser, turn: Turn, message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ user, turn, message, resolve, reject })
      void this.#next()
    })
  }

  /** From here on, and in what is awaited from here, the caller is within the transaction that it is about to begin. */
  enter(turn: Turn): void {
    const outer = (within.getStore() ?? []).filter(({ isOver }) => !isOver)
    within.enterWith([...outer, turn])
  }

  /** Whether a statement of `user` would wait for a transaction that cannot end before the statement does. */
  wouldWaitForItself(user: SessionUser): boolean {
    const holder = this.#holder
    // Who has left is about to be rolled back, and waits for nobody.
    if (holder === undefined || holder.user === user || !this.#users.has(holder.user)) return false
    return within.getStore()?.includes(holder.turn) === true
  }

  async #next(): Promise<void> {
    if (this.#busy !== undefined) return
    const holder = this.#holder?.user
    const at = holder === undefined ? 0 : this.#waiting.findIndex(({ user }) => user === holder)
    const exchange = at < 0 ? undefined : this.#waiting.splice(at, 1)[0]
    if (exchange === undefined) return
    const { user, turn, message, resolve, reject } = exchange
    this.#busy = user
    try {
      // PGlite answers without a turn of the event loop: timers, and whoever waits for them, would starve.
      await new Promise((pass) => setImmediate(pass))
      const answer = await this.#server(message)
      this.#settle(user, turn, answer)
      resolve(answer)
    } catch (error) {
      this.#holder = undefined
      turn.isOver = true
      reject(error)
    } finally {
      this.#busy = undefined
      void this.#next()
    }
  }

  #settle(user: SessionUser, turn: Turn, answer: Uint8Array): void {
    let status = FAILED
    for (const message of messagesOf(answer)) {
      if (message[0] === READY) status = message[5] ?? FAILED
      if (message[0] === NOTIFICATION) {
        for (const other of this.#users) if (other !== user) other.heard(message)
      }
    }
    const begun = this.#holder?.turn ?? turn
    this.#holder = status === IDLE ? undefined : { user, turn: begun }
    begun.isOver = status === IDLE
  }
}

const code = (character: string): number => character.charCodeAt(0)
const READY = code('Z')
const NOTIFICATION = code('A')
const IDLE = code('I')
const FAILED = code('E')
const ROLLBACK = Buffer.from('Q\0\0\0\u000drollback\0', 'latin1')

/** The messages of one answer, each with its type and length. */
function* messagesOf(answer: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength)
  for (let at = 0; at + 5 <= answer.byteLength;) {
    const end = at + 1 + view.getUint32(at + 1)
    yield answer.subarray(at, end)
    at = end
  }
}
