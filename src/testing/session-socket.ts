// What node-postgres takes for its connection to a server: it writes PostgreSQL's protocol here.
import { Duplex } from 'node:stream'
import { Turn, type OneSession, type SessionUser } from './one-session.ts'

const FLUSH = 'H'.charCodeAt(0)
const QUERY = 'Q'.charCodeAt(0)
const SYNC = 'S'.charCodeAt(0)
const TERMINATE = 'X'.charCodeAt(0)

export class SessionSocket extends Duplex implements SessionUser {
  readonly #session: OneSession
  #unread: Buffer = Buffer.alloc(0)
  /** Complete messages that do not ask for an answer yet. */
  #batch: Buffer[] = []
  #turn: Turn | undefined
  #isGreeted = false

  constructor(session: OneSession) {
    super()
    this.#session = session
  }

  connect(): this {
    this.#session.join(this)
    setImmediate(() => this.emit('connect'))
    return this
  }

  /** node-postgres asks for these of whatever it is connected by. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  heard(message: Uint8Array): void {
    this.push(message)
  }

  dismiss(): void {
    this.destroy()
  }

  /** Says beforehand that the next statement begins a transaction, for whoever is called from within it. */
  begins(): void {
    this.#turn = new Turn()
    this.#session.enter(this.#turn)
  }

  /** Whether a statement would wait for the transaction from within which it is sent. */
  get wouldWaitForItself(): boolean {
    return this.#session.wouldWaitForItself(this)
  }

  override _read(): void {
    // Pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
    this.#take()
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#session.leave(this)
    callback(error)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#session.leave(this)
    this.push(null)
    callback()
  }

  #take(): void {
    for (;;) {
      const header = this.#isGreeted ? 1 : 0
      if (this.#unread.length < header + 4) return
      const end = header + this.#unread.readUInt32BE(header)
      if (this.#unread.length < end) return
      const message = this.#unread.subarray(0, end)
      this.#unread = this.#unread.subarray(end)
      if (this.#isGreeted) this.#taken(message)
      else this.#greet()
    }
  }

  #greet(): void {
    this.#isGreeted = true
    this.push(GREETING)
  }

  #taken(message: Buffer): void {
    const [type] = message
    if (type === TERMINATE) return
    this.#batch.push(message)
    if (type !== QUERY && type !== SYNC && type !== FLUSH) return
    const batch = Buffer.concat(this.#batch)
    this.#batch = []
    const turn = this.#turn ?? new Turn()
    this.#turn = undefined
    this.#session.exchange(this, turn, batch).then(
      (answer) => void (this.destroyed || this.push(answer)),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }
}

/** Everybody may come in, under no number that a session of the database's has: as behind a pooler. */
const GREETING = Buffer.concat([
  packed('R', Buffer.from([0, 0, 0, 0])),
  packed('S', Buffer.from('client_encoding\0UTF8\0')),
  packed('S', Buffer.from('standard_conforming_strings\0on\0')),
  packed('K', Buffer.alloc(8)),
  packed('Z', Buffer.from('I')),
])

function packed(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}
