import type { Store } from '../store/store.ts'
import type { QueueNames } from '../worker/worker.ts'

/** Names by number, read again when a number is new. */
export function queueNames(
  store: Pick<Store, 'readQueueNames'>,
  known: ReadonlyMap<string, number>,
): QueueNames {
  let names: ReadonlyMap<number, string> = new Map([...known].map(([name, id]) => [id, name]))
  return {
    has: (queue) => names.has(queue),
    name: (queue) => names.get(queue) ?? String(queue),
    refresh: async () => {
      names = await store.readQueueNames()
    },
  }
}
