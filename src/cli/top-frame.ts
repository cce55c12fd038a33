import type { QueueInfo } from '../core/queue-info.ts'
import type { WorkerInfo } from '../core/worker-info.ts'
import { shownAge, shownTime } from './shown-time.ts'
import { tableLines } from './table.ts'
import type { Terminal } from './terminal.ts'

/** What `top` looked at, all at one time. */
export interface TopLook {
  /** By the clock of this machine. */
  readonly at: Date
  readonly queues: readonly QueueInfo[]
  readonly workers: readonly WorkerInfo[]
  /** A count of so many means that or more. */
  readonly countTo: number
}

/** A screenful, as lines: all queues, the one whose oldest job has waited longest first, and all processes. */
export function topFrame(look: TopLook, terminal: Terminal): readonly string[] {
  const { at, queues, workers, countTo } = look
  const counted = (count: number): string | number => (count >= countTo ? `${count}+` : count)
  const ready = queues.reduce((sum, queue) => sum + queue.ready, 0)
  const running = queues.reduce((sum, queue) => sum + queue.running, 0)
  const queueRows = queues
    .toSorted((a, b) => (b.oldestReadyAge ?? -1) - (a.oldestReadyAge ?? -1))
    .map(({ name, oldestReadyAge, pausedAt, ...counts }) => [
      name,
      counted(counts.ready),
      counted(counts.running),
      counted(counts.scheduled),
      shownAge(oldestReadyAge),
      pausedAt === undefined ? '' : terminal.paint('yellow', 'paused'),
    ])
  const workerRows = workers.map((worker) => {
    const { host, pid, jobs, isSilent, isDraining } = worker
    const [oldest] = jobs.toSorted((a, b) => a.since.getTime() - b.since.getTime())
    const standing = isSilent ? terminal.paint('red', 'silent') : isDraining ? 'stopping' : ''
    const longest =
      oldest === undefined ? '' : `${oldest.task} ${shownAge(at.getTime() - oldest.since.getTime())}`
    return [worker.worker, host, pid, jobs.length, longest, standing]
  })
  return [
    `kongtask  ${shownTime(at)}  ${ready} ready, ${running} running, ${workers.length} workers`,
    '',
    ...tableLines(terminal, ['queue', 'ready', 'running', 'scheduled', 'oldest', ''], queueRows),
    '',
    ...tableLines(terminal, ['worker', 'host', 'pid', 'jobs', 'longest', ''], workerRows),
  ]
}
