import { plainText } from './plain-text.ts'
import { shownAge, shownTime } from './shown-time.ts'
import { tableLines, type Cell } from './table.ts'
import type { Terminal } from './terminal.ts'
import type { TaskRates, TopLook } from './top-look.ts'

/**
 * A screenful, as lines: all queues, the one whose oldest job has waited longest first; the tasks of which something went
 * through since the frame before, the busiest first; and all processes.
 */
export function topFrame(look: TopLook, terminal: Terminal): readonly string[] {
  const { at, queues, workers, countTo, rates } = look
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
      ...(rates === undefined ? [] : rateCells(rates.filter(({ queue }) => queue === name))),
      pausedAt === undefined ? '' : terminal.paint('yellow', 'paused'),
    ])
  const workerRows = workers.map((worker) => {
    const { host, pid, jobs, isSilent, isDraining } = worker
    const [oldest] = jobs.toSorted((a, b) => a.since.getTime() - b.since.getTime())
    const standing = isSilent ? terminal.paint('red', 'silent') : isDraining ? 'stopping' : ''
    const longest =
      oldest === undefined ? '' : `${oldest.task} ${shownAge(at.getTime() - oldest.since.getTime())}`
    return [worker.worker, plainText(host), pid, jobs.length, longest, standing]
  })
  return [
    `kongtask  ${shownTime(at)}  ${ready} ready, ${running} running, ${workers.length} workers`,
    '',
    ...tableLines(
      terminal,
      ['queue', 'ready', 'running', 'scheduled', 'oldest', ...(rates === undefined ? [] : RATES), ''],
      queueRows,
    ),
    '',
    ...(rates === undefined || rates.length === 0
      ? []
      : [...tableLines(terminal, ['task', 'queue', ...RATES], taskRows(rates)), '']),
    ...tableLines(terminal, ['worker', 'host', 'pid', 'jobs', 'longest', ''], workerRows),
  ]
}

const RATES = ['added/s', 'completed/s', 'failed/s']

function taskRows(rates: readonly TaskRates[]): readonly (readonly Cell[])[] {
  const busyness = ({ added, completed, failed }: TaskRates): number => added + completed + failed
  return rates
    .toSorted((a, b) => busyness(b) - busyness(a))
    .map((rate) => [rate.task, rate.queue, ...rateCells([rate])])
}

function rateCells(rates: readonly TaskRates[]): readonly Cell[] {
  const sum = (of: (rate: TaskRates) => number): number => rates.reduce((total, rate) => total + of(rate), 0)
  return [sum(({ added }) => added), sum(({ completed }) => completed), sum(({ failed }) => failed)].map(
    shownRate,
  )
}

/** With a decimal where it is below ten; nothing where there is none, so that the eye finds what moves. */
function shownRate(perSecond: number): Cell {
  if (perSecond === 0) return ''
  return perSecond < 10 ? Math.max(0.1, Math.round(perSecond * 10) / 10) : Math.round(perSecond)
}
