// Hears that jobs were added, on a connection of its own: behind a pooler LISTEN needs a direct one. When the
// connection breaks or falls silent it comes back by itself, and says so, since what was said meanwhile was missed. By the same
// connection others see that this process is there: it is nearly always idle, and PostgreSQL ends it as the process dies.
import type { Client } from 'pg'
import { every } from '../runtime/every.ts'
import { retry } from '../runtime/retry.ts'
import type { Service } from '../runtime/service.ts'
import { startTimer } from '../runtime/timer.ts'
import { withinDeadline } from './deadline.ts'
import { forSchema } from './statement.ts'
import { listen } from './statements.generated.ts'
import { readSession, type Session } from './workers.ts'

/** Milliseconds for the last word to a server, which may hear nothing any more. */
const LONGEST_GOODBYE = 1_000

export interface ListenerOptions {
  readonly connect: () => Client
  readonly schema: string
  /** Milliseconds for an answer. */
  readonly deadline: number
  /** Milliseconds between two looks whether the connection still answers. */
  readonly interval: number
  readonly onWake: (wake: WakeUp) => void
  /** A worker's number, undefined for all: there is something for it to read. */
  readonly onMessage: (worker: number | undefined) => void
  /** Schedules were changed. */
  readonly onSchedule?: (() => void) | undefined
  /** Whenever it changes, the session by which others see that we are there. */
  readonly onSession: (session: Session) => void
  readonly onWeather: (error: unknown, attempt: number) => void
}

/** What was heard of new jobs. */
export interface WakeUp {
  /** Its number; undefined where it may be any. */
  readonly queue: number | undefined
  /** They can be claimed now. Otherwise they may fall due later, which a claim has to find out. */
  readonly isReady: boolean
  /** Where it is a single job: its number. */
  readonly job?: string | undefined
}

export class Listener implements Service {
  readonly #options: ListenerOptions
  readonly #stopping = new AbortController()
  readonly #looks: Service
  #client: Client | undefined
  /** Over, whether they were ours by then or not yet. */
  readonly #broken = new WeakSet<Client>()
  /** Not there yet. */
  #opening: Client | undefined
  #connecting: Promise<void> | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#looks = every(
      options.interval,
      () => this.#look(),
      (error) => options.onWeather(error, 1),
    )
  }

  /** Does not wait for the connection: until it is there, polling finds the jobs. */
  start(): Promise<void> {
    this.#connecting ??= this.#connect()
    return this.#looks.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#opening !== undefined) cut(this.#opening)
    await Promise.all([this.#connecting, this.#looks.stop()])
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await part(client)
  }

  /** The server has lost this connection, though nothing says so here. */
  renew(): void {
    if (this.#client !== undefined)
      this.#lost(
        this.#client,
        new Error('The server has ended the connection that listens; nothing said so on it.'),
      )
  }

  async #connect(): Promise<void> {
    try {
      const client = await retry(() => this.#listen(), {
        // A right that was revoked or a password that was changed may be put right: polling goes on meanwhile.
        isTransient: () => true,
        onRetry: this.#options.onWeather,
        signal: this.#stopping.signal,
      })
      this.#client = client
      // It may have ended together with its last answer.
      if (this.#broken.has(client)) this.#lost(client, undefined)
      this.#options.onWake({ queue: undefined, isReady: false })
      this.#options.onMessage(undefined)
      this.#options.onSchedule?.()
    } catch {
      // Only stopping ends the trying, and then there is nobody left to tell.
    }
  }

  async #listen(): Promise<Client> {
    const client = this.#options.connect()
    client.on('error', (error) => this.#lost(client, error))
    client.on('end', () => this.#lost(client, undefined))
    client.on('notification', ({ channel, payload }) => {
      if (channel.endsWith(':worker')) this.#options.onMessage(numberOf(payload))
      else if (channel.endsWith(':schedule')) this.#options.onSchedule?.()
      else this.#options.onWake(wakeUpOf(payload))
    })
    this.#opening = client
    try {
      // One that is stopped meanwhile would not hear of it.
      this.#stopping.signal.throwIfAborted()
      await client.connect()
      const { schema, deadline } = this.#options
      await withinDeadline(client.query(forSchema(listen.text, schema)), deadline)
      this.#options.onSession(await this.#sessionOf(client))
      return client
    } catch (error) {
      cut(client)
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  /** One that fell silent says nothing by itself; and with a server that runs anew, the session is another. */
  async #look(): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    try {
      const session = await this.#sessionOf(client)
      if (this.#client === client) this.#options.onSession(session)
    } catch (error) {
      this.#lost(client, error)
    }
  }

  /** Null behind a pooler: its sessions are those of many, and end when it likes. There another process answers than greeted us. */
  async #sessionOf(client: Client): Promise<Session> {
    const { schema, deadline } = this.#options
    const asking = {
      query: (text: string, values: readonly unknown[]) => client.query<object>(text, [...values]),
    }
    const found = await withinDeadline(readSession(asking, schema), deadline)
    const greeter = 'processID' in client ? client.processID : undefined
    return found !== undefined && found.pid === greeter ? found.session : null
  }

  #lost(client: Client, error: unknown): void {
    this.#broken.add(client)
    if (this.#client !== client || this.#stopping.signal.aborted) return
    this.#client = undefined
    if (error !== undefined) this.#options.onWeather(error, 1)
    cut(client)
    this.#options.onSession(null)
    this.#connecting = this.#connect()
  }
}

/** In good order, if the server hears it. One that fell silent would keep us waiting for its answer until TCP gives up. */
async function part(client: Client): Promise<void> {
  const patience = startTimer(LONGEST_GOODBYE, () => cut(client))
  await client.end().catch(() => undefined)
  patience.stop()
}

function cut(client: Client): void {
  client.connection.stream.destroy()
}

/** A queue's number, "ready" behind it where the jobs are, and then the job's number where it is one. */
function wakeUpOf(payload: string | undefined): WakeUp {
  const [queue, readiness, job] = payload?.split(' ') ?? []
  return { queue: numberOf(queue), isReady: readiness === 'ready', job: idOf(job) }
}

/** Anybody who may connect may notify. */
function idOf(text: string | undefined): string | undefined {
  return text !== undefined && /^\d{1,18}$/.test(text) ? text : undefined
}

function numberOf(payload: string | undefined): number | undefined {
  const number = Number(payload)
  return Number.isInteger(number) && payload !== '' ? number : undefined
}
