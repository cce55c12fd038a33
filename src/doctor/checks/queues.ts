import { listWorkers } from '../../store/control.ts'
import { listQueues } from '../../store/queues.ts'
import type { QueueInfo } from '../../core/queue-info.ts'
import { finding, type Finding } from '../finding.ts'
import type { Patient } from '../patient.ts'

/** Jobs of a queue are counted no further. */
const COUNT_TO = 10_000

/** Queues in which jobs are due, and that nobody serves or somebody has paused. */
export async function checkQueues({ db, schema, kongtask }: Patient): Promise<readonly Finding[]> {
  const workers = (await listWorkers(db, schema, 0)).filter(
    ({ isSilent, isDraining }) => !isSilent && !isDraining,
  )
  const due = (await listQueues(db, schema, COUNT_TO)).filter(({ ready }) => ready > 0)
  const paused = due.flatMap((queue) => {
    const { name, pausedAt } = queue
    if (pausedAt === undefined) return []
    const what = `${dueIn(queue)}, and it is paused since ${pausedAt.toISOString().slice(0, 19)}Z.`
    const command = kongtask(`queues resume ${name}`)
    return [finding('queues', 'queue_paused', what, { remedy: 'Resume it, unless it is meant.', command })]
  })
  const unserved = due
    .filter(({ name }) => !workers.some(({ queues }) => queues === undefined || Object.hasOwn(queues, name)))
    .map((queue) =>
      finding('queues', 'queue_unserved', `${dueIn(queue)}, and no process serves it.`, {
        remedy: 'Start a worker for it.',
        command: kongtask(`work --queues ${queue.name}=10`),
      }),
    )
  const found = [...unserved, ...paused]
  return found.length > 0
    ? found
    : [finding('queues', 'queues_served', 'Each queue in which jobs are due is served.')]
}

function dueIn({ name, ready, oldestReadyAge = 0 }: QueueInfo): string {
  const jobs =
    ready >= COUNT_TO ? `${ready} jobs or more are` : ready === 1 ? '1 job is' : `${ready} jobs are`
  return `${jobs} due in the queue ${name}, the oldest for ${Math.round(oldestReadyAge / 1_000)} s`
}
