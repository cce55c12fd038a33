import type { JobSystem, Lane, NumberedPayload } from '../loads/job-system.ts'

/** The yardstick of handlers that wait: nothing but a list, and so many handlers at once. It keeps nothing and says nothing. */
export function openInMemory(): JobSystem {
  const lists = new Map<string, MemoryLane>()
  const listOf = (queue: string): MemoryLane => {
    const list = lists.get(queue) ?? new MemoryLane()
    lists.set(queue, list)
    return list
  }
  return {
    add: async (queue, payloads) => listOf(queue).add(payloads),
    work: async (lanes) => {
      for (const lane of lanes) listOf(lane.queue).work(lane)
      return { stop: async () => undefined }
    },
    isEmpty: async (queue) => listOf(queue).isEmpty,
    close: async () => undefined,
  }
}

class MemoryLane {
  #waiting: readonly NumberedPayload[] = []
  #next = 0
  #running = 0
  #lane: Lane | undefined

  add(payloads: readonly NumberedPayload[]): void {
    this.#waiting = [...this.#waiting.slice(this.#next), ...payloads]
    this.#next = 0
    this.#start()
  }

  work(lane: Lane): void {
    this.#lane = lane
    this.#start()
  }

  get isEmpty(): boolean {
    return this.#running === 0 && this.#next === this.#waiting.length
  }

  #start(): void {
    const { handler, concurrency = 1 } = this.#lane ?? {}
    while (handler !== undefined && this.#running < concurrency) {
      const payload = this.#waiting[this.#next]
      if (payload === undefined) return
      this.#next += 1
      this.#running += 1
      void Promise.resolve(handler(payload)).then(() => {
        this.#running -= 1
        this.#start()
      })
    }
  }
}
