/** Typed listeners. One that throws, or rejects, harms neither the others nor the caller. */
export class Emitter<Events extends object> {
  readonly #listeners: { [N in keyof Events]?: Set<(event: Events[N]) => unknown> } = {}
  readonly #onError: (error: unknown, name: keyof Events) => void

  constructor(onError: (error: unknown, name: keyof Events) => void) {
    this.#onError = onError
  }

  /** Returns the call that ends it. */
  on<N extends keyof Events>(name: N, listener: (event: Events[N]) => unknown): () => void {
    const listeners = (this.#listeners[name] ??= new Set())
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Whether it is worth the trouble of making an event. */
  has(name: keyof Events): boolean {
    return (this.#listeners[name]?.size ?? 0) > 0
  }

  emit<N extends keyof Events>(name: N, event: Events[N]): void {
    const listeners = this.#listeners[name]
    if (listeners === undefined) return
    // A copy: whoever subscribes anew while he is told is told of the next event, not of this one for ever.
    for (const listener of Array.from(listeners)) {
      try {
        const answer = listener(event)
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#onError(error, name))
      } catch (error) {
        this.#onError(error, name)
      }
    }
  }
}
