import { KongTaskError } from '../core/errors.ts'
import { suggestion } from '../core/near-miss.ts'
import type { AnyTask } from '../core/task.ts'
import { misfits, type Candidate, type JobPattern } from './job-pattern.ts'

/** Jobs that a message shows. */
const MOST_SHOWN = 5
/** Characters of a payload in a message. */
const LONGEST_PAYLOAD = 300

export function nameOf(task: AnyTask | string): string {
  return typeof task === 'string' ? task : task.name
}

/**
 * The newest of the jobs that fits.
 *
 * @param jobs of every task, newest first
 * @throws KT_TEST_EXPECTATION, which shows what was there instead
 */
export function fitting<J extends Candidate>(
  jobs: readonly J[],
  task: string,
  pattern: JobPattern,
  notes: readonly string[] = [],
): J {
  const ofTask = jobs.filter((job) => job.task === task)
  const judged = ofTask.map((job) => ({ job, flaws: misfits(job, pattern) }))
  const found = judged.find(({ flaws }) => flaws.length === 0)
  if (found !== undefined) return found.job
  if (judged.length === 0) throw expectation([noneOf(task, jobs), ...notes])
  const nearest = judged.toSorted((a, b) => a.flaws.length - b.flaws.length)
  const lines = nearest
    .slice(0, MOST_SHOWN)
    .flatMap(({ job, flaws }) => [`  ${shown(job)}`, ...flaws.map((flaw) => `    ${flaw}`)])
  const more = judged.length > MOST_SHOWN ? [`  and ${judged.length - MOST_SHOWN} more`] : []
  throw expectation([
    `No job of task "${task}" is as expected. There are ${judged.length}, the nearest first:`,
    ...lines,
    ...more,
    ...notes,
  ])
}

/** @throws KT_TEST_EXPECTATION where there is one that fits */
export function noneFits(jobs: readonly Candidate[], task: string, pattern: JobPattern): void {
  const found = jobs.find((job) => job.task === task && misfits(job, pattern).length === 0)
  if (found !== undefined)
    throw expectation([`There is a job of task "${task}" that should not be there:`, `  ${shown(found)}`])
}

function noneOf(task: string, jobs: readonly Candidate[]): string {
  const counts = new Map<string, number>()
  for (const job of jobs) counts.set(job.task, (counts.get(job.task) ?? 0) + 1)
  const others = [...counts].map(([name, count]) => `${count} of "${name}"`).join(', ')
  const there = others === '' ? 'There are no jobs at all.' : `There are: ${others}.`
  return `There is no job of task "${task}".${suggestion(task, new Set(counts.keys()))} ${there}`
}

/** One line about a job. */
export function shown({ id, task, state, queue, scheduledAt, payload }: Candidate): string {
  const text = JSON.stringify(payload) ?? 'undefined'
  const short = text.length > LONGEST_PAYLOAD ? `${text.slice(0, LONGEST_PAYLOAD)}…` : text
  const where = queue === undefined ? '' : ` in queue "${queue}"`
  return `${task} ${id}: ${state}${where}, due ${scheduledAt.toISOString()}, payload ${short}`
}

function expectation(lines: readonly string[]): KongTaskError {
  return new KongTaskError('KT_TEST_EXPECTATION', lines.join('\n'))
}
