import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { failureOf, type Producer } from '../loads/producer.ts'
import type { SteadyLoad } from '../loads/steady-load.ts'
import { isAnswer, type WorkOrder } from './work-order.ts'

/**
 * Starts a process that adds for the same system on the same store. It is one of its own, as it is in life: those who add
 * jobs are web servers, and what adding costs should not stop the handlers.
 */
export function produceElsewhere(order: WorkOrder, load: SteadyLoad): Producer {
  const child = fork(fileURLToPath(new URL('../systems/run-system.ts', import.meta.url)))
  const added = (async () => {
    const answered = once(child, 'message')
    const died = once(child, 'exit').then(([code]: unknown[]): never => {
      throw new Error(`The producer ended with code ${String(code)}.`)
    })
    const [answer]: unknown[] = await Promise.race([answered, died])
    if (!isAnswer(answer) || 'error' in answer) throw new Error('The producer could not add.')
    return answer.measured['added'] ?? 0
  })()
  child.send({
    ...order,
    options: { ...order.options, isFirst: false },
    load: { ...load, kind: 'produce' },
  } satisfies WorkOrder)
  return {
    stop: () => {
      child.send('stop')
      return added
    },
    failed: failureOf(added),
  }
}
