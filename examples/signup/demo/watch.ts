// The live part: visitors send their requests, the workers work, and the screen shows how far both are.
import { setTimeout as delay } from 'node:timers/promises'
import { MALFORMED_JOBS, planRequests } from './plan.ts'
import { countJobs, totalOf } from './read-jobs.ts'
import type { LiveLine, Screen } from './screen.ts'
import { sendRequests, type AnsweredRequest } from './send-requests.ts'
import type { Stage } from './stage.ts'
import type { Progress } from './start-worker-process.ts'

/** What happened while it ran, told by those who saw it. */
export interface Happenings {
  mails: number
  report: Progress | undefined
}

export interface Day {
  readonly answered: readonly AnsweredRequest[]
  readonly malformedIds: readonly string[]
  /** Whether all jobs came to an end in time. */
  readonly isFinished: boolean
}

export interface WatchOptions {
  readonly stage: Stage
  readonly screen: Screen
  readonly signal: AbortSignal
  readonly happenings: Happenings
}

/** Milliseconds that the workers get, on a machine however slow. */
const PATIENCE = 60_000
const BETWEEN_LOOKS = 150

export async function watchTheDay(options: WatchOptions): Promise<Day> {
  const { stage, signal } = options
  const requests = planRequests()
  const answered: AnsweredRequest[] = []
  const sending = sendRequests(requests, {
    webUrl: stage.webUrl,
    signal,
    onAnswer: (answer) => answered.push(answer),
  })
  const adding = addMalformedJobs(stage)
  // Awaited below; until then an error of theirs must not end the process.
  for (const promise of [sending, adding]) promise.catch(() => undefined)

  const end = performance.now() + PATIENCE
  let isFinished = false
  while (!isFinished && performance.now() < end) {
    const isSending = answered.length < requests.length
    isFinished = (await look(options, answered, requests.length)) === 0 && !isSending
    await Promise.race([
      delay(isFinished ? 0 : BETWEEN_LOOKS, undefined, { signal }),
      stage.workerProcess.died,
    ])
  }
  return { answered: await sending, malformedIds: await adding, isFinished }
}

/** What a script in another language would do that knows a task's name and not its contract. */
async function addMalformedJobs({ kong }: Stage): Promise<string[]> {
  const ids: string[] = []
  for (const { task, payload } of MALFORMED_JOBS) {
    const { id } = await kong.addJob(task, payload)
    ids.push(id)
  }
  return ids
}

/** Draws how far things are; returns how many jobs are not at their end. */
async function look(
  { stage, screen, happenings }: WatchOptions,
  answered: readonly AnsweredRequest[],
  requests: number,
): Promise<number> {
  const counts = await countJobs(stage.pool)
  const [added, live] = [totalOf(counts, 'added'), totalOf(counts, 'live')]
  const refused = answered.filter(({ status }) => status >= 400).length
  screen.show([
    {
      label: 'requests',
      done: answered.length,
      total: requests,
      note: `${answered.length - refused} committed, ${refused} rolled back`,
    },
    {
      label: 'jobs',
      done: added - live,
      total: added,
      note: `${totalOf(counts, 'running')} running, ${totalOf(counts, 'waiting')} to be retried, ${happenings.mails} mails`,
    },
    ...reportLine(happenings.report),
  ])
  return live
}

function reportLine(progress: Progress | undefined): LiveLine[] {
  if (progress === undefined) return []
  const percent = Math.floor((100 * progress.done) / Math.max(1, progress.total))
  return [{ label: 'report', done: percent, total: 100, note: progress.note ?? '' }]
}
