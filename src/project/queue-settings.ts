import { suggestion } from '../core/near-miss.ts'
import { checkQueueName } from '../core/names.ts'
import { checkInteger, invalid } from '../core/option-values.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { MOST_CONCURRENT } from '../runner/runner-options.ts'
import type { Problems } from './problems.ts'

interface Place {
  readonly source: string
  readonly path: string
}

/**
 * Concurrency by queue; undefined: as many as all have. What is wrong with one queue is added to the problems.
 *
 * @throws KT_OPTION_INVALID where it is no record
 */
export function checkQueues(
  value: unknown,
  { source, path }: Place,
  problems: Problems,
): Readonly<Record<string, number | undefined>> {
  if (!isPlainObject(value) || Object.keys(value).length === 0)
    throw invalid('queues', value, 'must be a record of queue name to concurrency, such as { email: 10 }')
  const within = path === '' ? '' : `${path}.`
  const queues: Record<string, number | undefined> = {}
  for (const [name, queue] of Object.entries(value)) {
    problems.attempt(source, `${within}${name}`, () => {
      checkQueueName(name)
      if (!isPlainObject(queue)) queues[name] = checkQueueConcurrency(queue, `${within}${name}`)
      else queues[name] = checkQueue(queue, { source, path: `${within}${name}` }, problems)
    })
  }
  return queues
}

function checkQueue(
  queue: Readonly<Record<string, unknown>>,
  { source, path }: Place,
  problems: Problems,
): number | undefined {
  for (const key of Object.keys(queue)) {
    if (key !== 'concurrency')
      problems.add({
        source,
        path: `${path}.${key}`,
        why: `There is no such option of a queue.${suggestion(key, ['concurrency'])}`,
      })
  }
  const { concurrency } = queue
  if (concurrency === undefined) return undefined
  return problems.attempt(source, `${path}.concurrency`, () =>
    checkQueueConcurrency(concurrency, `${path}.concurrency`),
  )
}

function checkQueueConcurrency(value: unknown, path: string): number {
  return checkInteger(value, path, 1, MOST_CONCURRENT)
}
