// The live part: visitors send their requests, the workers work, and the screen shows how far both are.
import { setTimeout as delay } from 'node:timers/promises'
import { MALFORMED_JOBS, planRequests } from './plan.ts'
import { countJobs, totalOf } from './count-jobs.ts'
import type { LiveLine, Screen } from './screen.ts'
import { sendRequests, type AnsweredRequest } from './send-requests.ts'
import type { Stage } from './stage.ts'
import type { Progress } from './start-worker-process.ts'

export interface Day {
  readonly answered: readonly AnsweredRequest[]
  readonly malformedIds: readonly string[]
}

export interface WatchOptions {
  readonly stage: Stage
  readonly screen: Screen
  readonly signal: AbortSignal
  /** What the handler of a report said last. */
  readonly report: () => Progress | undefined
}

/** Milliseconds that the workers get, on a machine however slow. */
const PATIENCE = 60_000
const BETWEEN_LOOKS = 150

export async function watchTheDay(options: WatchOptions): Promise<Day> {
  const { stage, signal } = options
  const end = performance.now() + PATIENCE
  const requests = planRequests()
  const answered: AnsweredRequest[] = []
  const sending = sendRequests(requests, {
    webUrl: stage.webUrl,
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    onAnswer: (answer) => answered.push(answer),
  })
  let isAsking = true
  const asking = Promise.all([sending, addMalformedJobs(stage)]).finally(() => {
    isAsking = false
  })
  const nextLook = (): Promise<unknown> =>
    Promise.race([delay(BETWEEN_LOOKS, undefined, { signal }), stage.workerProcess.died])

  while (isAsking) {
    await look(options, answered, requests.length)
    await Promise.race([nextLook(), asking])
  }
  const [, malformedIds] = await asking
  while ((await look(options, answered, requests.length)) > 0 && performance.now() < end) await nextLook()
  return { answered, malformedIds }
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
  { stage, screen, report }: WatchOptions,
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
      note: `${totalOf(counts, 'running')} running, ${totalOf(counts, 'waiting')} to be retried, ${stage.mail.mailsTo.size} mails`,
    },
    ...reportLine(report()),
  ])
  return live
}

function reportLine(progress: Progress | undefined): LiveLine[] {
  if (progress === undefined) return []
  const percent = Math.floor((100 * progress.done) / Math.max(1, progress.total))
  return [{ label: 'report', done: percent, total: 100, note: progress.note ?? '' }]
}
