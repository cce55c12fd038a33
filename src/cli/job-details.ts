import type { Job, JobError } from '../core/job.ts'
import type { Explanation } from '../core/explanation.ts'
import { shownState } from './job-table.ts'
import { plainText } from './plain-text.ts'
import type { Terminal } from './terminal.ts'

/** All of a job for people: facts, payload, result, errors. What is empty is left out. */
export function jobDetails(job: Job, { sentence }: Explanation, terminal: Terminal): readonly string[] {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['queue', job.queue],
    ['attempt', `${job.attempt} of ${job.maxAttempts}`],
    ['priority', String(job.priority)],
    ['added', job.createdAt.toISOString()],
    ['due', job.scheduledAt.toISOString()],
    ['over', job.finishedAt?.toISOString()],
    ['tags', job.tags.length === 0 ? undefined : job.tags.join(', ')],
    ['flags', job.flags.length === 0 ? undefined : job.flags.join(', ')],
    ['metadata', Object.keys(job.metadata).length === 0 ? undefined : JSON.stringify(job.metadata)],
    ['unique key', job.uniqueKey],
    ['serial key', job.serialKey],
    ['limits', json(job.concurrency) ?? json(job.rateLimit)],
    ['parent', job.parentId],
    [
      'schedule',
      job.schedule === undefined
        ? undefined
        : `${job.schedule.name}, tick ${job.schedule.tick.toISOString()}`,
    ],
    ['version', job.version === 1 ? undefined : String(job.version)],
    ['progress', progressOf(job)],
    [
      'payload',
      job.isSealed
        ? `encrypted with the key ${job.encryptionKey ?? ''}, which is not at hand`
        : json(job.payload),
    ],
    ['result', json(job.result)],
  ]
  const line = (name: string, value: string): string => `${terminal.paint('dim', name.padEnd(11))} ${value}`
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [line(name, plainText(value))]))
  return [
    `${terminal.paint('bold', job.task)} ${job.id}`,
    plainText(sentence),
    line('state', shownState(job, terminal)),
    ...lines,
    ...(job.errors.length === 0 ? [] : [terminal.paint('dim', 'errors')]),
    ...job.errors.map((error) => errorLine(error, terminal)),
  ]
}

function errorLine({ attempt, at, name, message, code }: JobError, terminal: Terminal): string {
  const title = `${name}${code === undefined ? '' : ` ${code}`}: ${message}`
  return `  attempt ${attempt}, ${at.toISOString()}  ${terminal.paint('red', plainText(title))}`
}

function progressOf({ progress }: Job): string | undefined {
  if (progress === undefined) return undefined
  const { done, total, note } = progress
  return `${done} of ${total}${note === undefined ? '' : ` (${note})`}`
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}
