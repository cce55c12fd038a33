import type { Emitter } from './emitter.ts'
import { Fifo } from './fifo.ts'

/** An event together with its name, so that the one tells the other's type. */
export type NamedEvent<Events extends object, N extends keyof Events = keyof Events> = {
  readonly [K in N]: { readonly name: K; readonly event: Events[K] }
}[N]

export interface EventStreamOptions<Name> {
  /** Events that wait for a slow consumer; where there are more, the oldest is dropped. */
  readonly limit: number
  /** Behind this event no more will come. */
  readonly last: Name
  /** Ends the stream at once. */
  readonly signal?: AbortSignal | undefined
}

/** Events for one `for await`. It listens from when it is made until it is left, ended or aborted. */
export class EventStream<Events extends object, N extends keyof Events> implements AsyncIterableIterator<
  NamedEvent<Events, N>
> {
  readonly #limit: number
  readonly #waiting = new Fifo<NamedEvent<Events, N>>()
  readonly #takers = new Fifo<(result: IteratorResult<NamedEvent<Events, N>, undefined>) => void>()
  readonly #forget: (() => void)[] = []
  #hasEnded = false
  #dropped = 0

  constructor(
    emitter: Emitter<Events>,
    names: Iterable<N>,
    { limit, last, signal }: EventStreamOptions<keyof Events>,
  ) {
    this.#limit = limit
    const listenTo = <K extends N>(name: K): void => {
      this.#forget.push(emitter.on(name, (event) => this.#take({ name, event })))
    }
    for (const name of new Set(names)) listenTo(name)
    this.#forget.push(emitter.on(last, () => this.end()))
    if (signal === undefined) return
    const abort = (): void => void this.return()
    signal.addEventListener('abort', abort)
    this.#forget.push(() => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  }

  /** How many events were dropped because the consumer was too slow for them. */
  get dropped(): number {
    return this.#dropped
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<NamedEvent<Events, N>, undefined>> {
    const value = this.#waiting.shift()
    if (value !== undefined) return Promise.resolve({ done: false, value })
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  /** Leaves the stream: what waits is forgotten. */
  return(): Promise<IteratorResult<NamedEvent<Events, N>, undefined>> {
    this.#waiting.clear()
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** No more will come: the consumer gets what waits, then the end. */
  end(): void {
    this.#hasEnded = true
    for (const forget of this.#forget.splice(0)) forget()
    for (const take of this.#takers.drain()) take({ done: true, value: undefined })
  }

  #take(value: NamedEvent<Events, N>): void {
    const taker = this.#takers.shift()
    if (taker !== undefined) {
      taker({ done: false, value })
      return
    }
    if (this.#waiting.size >= this.#limit) {
      this.#waiting.shift()
      this.#dropped += 1
    }
    this.#waiting.push(value)
  }
}
