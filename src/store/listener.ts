// Hears that jobs were added, on a connection of its own: behind a pooler LISTEN needs a direct one. When the
// connection breaks it comes back by itself, and says so, since what was said meanwhile was missed.
import type { Client } from 'pg'
import { retry } from '../runtime/retry.ts'
import type { Service } from '../runtime/service.ts'
import { forSchema } from './statement.ts'
import { listen } from './statements.generated.ts'

export interface ListenerOptions {
  readonly connect: () => Client
  readonly schema: string
  readonly onWake: (wake: WakeUp) => void
  /** A worker's number, undefined for all: there is something for it to read. */
  readonly onMessage: (worker: number | undefined) => void
  readonly onWeather: (error: unknown, attempt: number) => void
}

/** What was heard of new jobs. */
export interface WakeUp {
  /** Its number; undefined where it may be any. */
  readonly queue: number | undefined
  /** They can be claimed now. Otherwise they may fall due later, which a claim has to find out. */
  readonly isReady: boolean
}

export class Listener implements Service {
  readonly #options: ListenerOptions
  readonly #stopping = new AbortController()
  #client: Client | undefined
  #connecting: Promise<void> | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Does not wait for the connection: until it is there, polling finds the jobs. */
  start(): Promise<void> {
    this.#connecting ??= this.#connect()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#connecting
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    try {
      this.#client = await retry(() => this.#listen(), {
        // A right that was revoked or a password that was changed may be put right: polling goes on meanwhile.
        isTransient: () => true,
        onRetry: this.#options.onWeather,
        signal: this.#stopping.signal,
      })
      this.#options.onWake({ queue: undefined, isReady: false })
      this.#options.onMessage(undefined)
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
      else this.#options.onWake(wakeUpOf(payload))
    })
    try {
      await client.connect()
      await client.query(forSchema(listen.text, this.#options.schema))
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
  }

  #lost(client: Client, error: unknown): void {
    if (this.#client !== client || this.#stopping.signal.aborted) return
    this.#client = undefined
    if (error !== undefined) this.#options.onWeather(error, 1)
    client.end().catch(() => undefined)
    this.#connecting = this.#connect()
  }
}

/** A queue's number, and "ready" behind it where the jobs are. */
function wakeUpOf(payload: string | undefined): WakeUp {
  const [queue, readiness] = payload?.split(' ') ?? []
  return { queue: numberOf(queue), isReady: readiness === 'ready' }
}

function numberOf(payload: string | undefined): number | undefined {
  const number = Number(payload)
  return Number.isInteger(number) && payload !== '' ? number : undefined
}
