// Why a job is not running: which of the facts is the cause, and how to say it. The first thing in the way counts; what
// stands behind it is in the data.
import type { Cause, Explanation, ExplanationData, ReachedLimit } from '../core/explanation.ts'
import type { JobId } from '../core/job.ts'
import type { JobStanding } from '../store/explain.ts'

/** As far as explain_job counts. */
const MOST_COUNTED = 10_000

type FoundCause = Exclude<Cause, 'not_found'>

/** @param standings of the job, and of the one that has its serial key */
export function explanationOf(id: JobId, standings: readonly JobStanding[]): Explanation {
  const [standing, holder] = standings
  if (standing === undefined) {
    const sentence = `There is no job ${id}: it never existed, was deleted, or has expired from history.`
    return { state: undefined, cause: 'not_found', sentence, data: { id } }
  }
  const behind = holder === undefined ? undefined : explanationOf(holder.id, [holder])
  const cause = causeOf(standing)
  const data = dataOf(standing, behind)
  return { state: standing.state, cause, sentence: `Job ${id} ${sentences[cause](data)}.`, data }
}

function causeOf(standing: JobStanding): FoundCause {
  switch (standing.state) {
    case 'completed':
    case 'dead':
      return standing.state
    case 'cancelled':
      return endedBy(standing)
    case 'running':
      return causeOfRunning(standing)
    case 'scheduled':
      return standing.reason === undefined ? causeOfScheduled(standing) : endingBy(standing)
    case 'ready':
      return standing.reason === undefined ? causeOfReady(standing) : endingBy(standing)
    default:
      return standing.state satisfies never
  }
}

function endedBy({ reason }: JobStanding): FoundCause {
  return isSuperseded(reason) ? 'superseded' : 'cancelled'
}

/** It would run again, and then ends instead. */
function endingBy({ reason }: JobStanding): FoundCause {
  return isSuperseded(reason) ? 'superseded' : 'cancelling'
}

/** The reason that the database gives (why_ended). */
function isSuperseded(reason: string | undefined): boolean {
  return reason !== undefined && /^superseded by \d+$/.test(reason)
}

function causeOfRunning({ runsOn, isCancelled }: JobStanding): FoundCause {
  if (runsOn?.isSilent === true) return 'worker_silent'
  return isCancelled ? 'cancelling' : 'running'
}

/** A job that has failed and snoozed is due when one of the two said; which, is not recorded. */
function causeOfScheduled({ attempt, lastError, snoozes, deferrals }: JobStanding): FoundCause {
  if (deferrals > 0) return 'payload_newer'
  const hasFailed = lastError !== undefined && lastError.attempt === attempt
  if (hasFailed === snoozes > 0) return 'scheduled'
  return hasFailed ? 'retrying' : 'snoozed'
}

function causeOfReady({ queuePausedAt, taskPausedAt, isBehind, workers, limit }: JobStanding): FoundCause {
  if (queuePausedAt !== undefined) return 'queue_paused'
  if (taskPausedAt !== undefined) return 'task_paused'
  if (isBehind) return 'serial_key'
  if (workers === undefined || workers.live === 0) return 'no_worker'
  if (workers.serveQueue === 0) return 'queue_not_served'
  if (workers.knowTask === 0) return 'task_not_known'
  if (workers.allowFlags === 0) return 'flag_forbidden'
  if (limit !== undefined) return 'limited'
  return workers.freeSlots === 0 ? 'slots_busy' : 'in_line'
}

function dataOf(standing: JobStanding, behind: Explanation | undefined): ExplanationData {
  const { state: _state, isCancelled: _isCancelled, isBehind: _isBehind, ...facts } = standing
  return { ...facts, behind }
}

/** What follows "Job 5". */
const sentences: Readonly<Record<FoundCause, (data: ExplanationData) => string>> = {
  completed: ({ finishedAt, attempt }) => `was completed ${at(finishedAt)}, in attempt ${attempt}`,
  dead: (data) =>
    `is a dead letter since ${time(data.finishedAt)}: ${
      data.reason === 'attempts'
        ? `all ${data.maxAttempts} attempts failed`
        : data.reason === 'crashes'
          ? 'its process died with it again and again'
          : `attempt ${data.attempt} failed for good`
    }${withError(data)}`,
  cancelled: ({ finishedAt, reason }) => `was cancelled ${at(finishedAt)}${because(reason)}`,
  superseded: ({ finishedAt, reason = '' }) =>
    finishedAt === undefined
      ? `will not run again: its unique key was given to ${successor(reason)}, and it ends as soon as a worker meets it`
      : `was ended ${at(finishedAt)}: its unique key was given to ${successor(reason)}`,
  running: (data) => `runs ${onWorker(data)}, attempt ${data.attempt} of ${data.maxAttempts}`,
  cancelling: (data) =>
    data.runsOn === undefined
      ? `was cancelled while it ran${because(data.reason)}, and ends as soon as a worker meets it`
      : `runs ${onWorker(data)}, and was told to stop${because(data.reason)}`,
  worker_silent: (data) =>
    `was running ${onWorker(data)}, whose lease ${
      data.runsOn?.leaseEndsAt === undefined ? 'is over' : `ended ${at(data.runsOn.leaseEndsAt)}`
    }; it goes back to its queue as soon as another process notices`,
  scheduled: (data) =>
    `is scheduled for ${time(data.scheduledAt)}${
      data.lastError === undefined ? '' : `, after ${failures(data)}${snoozed(data)}`
    }`,
  retrying: (data) =>
    `waits until ${time(data.scheduledAt)} for attempt ${next(data)} of ${data.maxAttempts}, after ${failures(data)}${withError(data)}`,
  snoozed: (data) =>
    `asked to be run again at ${time(data.scheduledAt)}: it snoozed ${count(data.snoozes, 'time')}`,
  payload_newer: ({ task, version, scheduledAt }) =>
    `is of version ${version} of its task "${task}", newer than the worker that met it knows; it waits for newer code, and is looked at again at ${time(scheduledAt)}`,
  queue_paused: ({ queue, queuePausedAt }) =>
    `waits: its queue "${queue}" is paused since ${time(queuePausedAt)}`,
  task_paused: ({ task, taskPausedAt }) => `waits: its task "${task}" is paused since ${time(taskPausedAt)}`,
  serial_key: ({ serialKey, behind }) =>
    `waits for its serial key "${serialKey}", which ${behind === undefined ? 'is just changing hands' : `another job has: ${behind.sentence.replace(/\.$/, '')}`}`,
  no_worker: () => 'waits: no worker is live',
  queue_not_served: ({ queue, workers }) =>
    `waits: of ${count(workers?.live, 'live worker')}, none serves its queue "${queue}"`,
  task_not_known: ({ task, queue, workers }) =>
    `waits: of ${count(workers?.serveQueue, 'live worker')} for its queue "${queue}", none knows its task "${task}"`,
  flag_forbidden: ({ flags, workers }) =>
    `waits: of ${count(workers?.knowTask, 'live worker')} that could run it, all forbid one of its flags (${flags?.join(', ')})`,
  limited: ({ limit, ahead }) => `waits for a limit over all processes: ${limited(limit)}${before(ahead)}`,
  slots_busy: ({ workers, ahead }) =>
    `waits: of ${count(workers?.slots, 'slot')} that workers have for it, all are busy, with ${some(workers?.busyWith)}${before(ahead)}`,
  in_line: ({ ahead }) => `is about to run: nothing is in its way${before(ahead)}`,
}

function successor(reason: string): string {
  return reason.replace('superseded by', 'job')
}

function time(date: Date | undefined): string {
  return date?.toISOString() ?? 'an unknown time'
}

function at(date: Date | undefined): string {
  return `at ${time(date)}`
}

function because(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : ` (${reason})`
}

function withError({ lastError }: ExplanationData): string {
  return lastError === undefined
    ? ''
    : `; the last error was ${lastError.name}: ${firstLine(lastError.message)}`
}

function firstLine(message: string): string {
  const [line = ''] = message.split('\n')
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

function failures({ lastError }: ExplanationData): string {
  return `attempt ${lastError?.attempt} failed`
}

function snoozed({ snoozes = 0 }: ExplanationData): string {
  return snoozes === 0 ? '' : ` and it snoozed ${count(snoozes, 'time')}`
}

function next({ attempt = 0 }: ExplanationData): number {
  return attempt + 1
}

function onWorker({ runsOn }: ExplanationData): string {
  if (runsOn === undefined) return ''
  const where = runsOn.host === undefined ? '' : ` (${runsOn.host}, pid ${runsOn.pid})`
  return `on worker ${runsOn.worker}${where} since ${time(runsOn.since)}`
}

function limited(limit: ReachedLimit | undefined): string {
  if (limit === undefined) return ''
  const jobs =
    limit.of === 'key' ? `of the jobs with the key "${limit.name}"` : `of its ${limit.of} "${limit.name}"`
  if (limit.per === undefined) return `${jobs}, ${limit.limit} may run at once`
  const soon = limit.opensAt === undefined ? '' : `, the next one ${at(limit.opensAt)}`
  return `${jobs}, ${limit.limit} may start per ${span(limit.per)}${soon}`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

/** As durations are written: `1h30m`. */
function span(ms: number): string {
  let rest = ms
  return UNITS.map(([unit, length]) => {
    const amount = Math.floor(rest / length)
    rest -= amount * length
    return amount === 0 ? '' : `${amount}${unit}`
  }).join('')
}

function count(number: number | undefined, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function some(ids: readonly JobId[] = []): string {
  if (ids.length === 0) return 'nothing that is known'
  return `${ids.length === 1 ? 'job' : 'jobs'} ${ids.join(', ')}${ids.length === 10 ? ', …' : ''}`
}

function before(ahead: number | undefined): string {
  if (ahead === undefined || ahead === 0) return ''
  if (ahead === 1) return ', and 1 job of its queue comes before it'
  return `, and ${ahead}${ahead === MOST_COUNTED ? ' or more' : ''} jobs of its queue come before it`
}
