/** How a worker process is, as it says itself. */
export interface Vitals {
  /** Bytes, after a collection of the garbage. */
  readonly heap: number
  readonly rss: number
  /** What keeps its event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
  /** Of the process and of its pool. */
  readonly listeners: number
}

export type WorkerSays = { readonly what: 'working' } | { readonly what: 'vitals'; readonly vitals: Vitals }

export function isSaid(message: unknown): message is WorkerSays {
  return (
    typeof message === 'object' &&
    message !== null &&
    'what' in message &&
    (message.what === 'working' || message.what === 'vitals')
  )
}
