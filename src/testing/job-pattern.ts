// What a test expects of a job, and how well a job fits.
import { parseDuration, type Duration } from '../core/duration.ts'
import { parseInstant } from '../core/instant.ts'
import type { JobState } from '../core/job.ts'
import { showValue } from '../core/show-value.ts'
import type { AnyTask, InputOf } from '../core/task.ts'

/** Part of a value: of objects those members that matter, of arrays all elements. */
export type PartOf<T> = T extends readonly (infer Item)[]
  ? readonly PartOf<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: PartOf<T[K]> }
    : T

/** What is known of a job's payload: of a task by name, nothing. */
export type PayloadPart<T extends AnyTask | string> = [T] extends [AnyTask] ? PartOf<InputOf<T>> : unknown

/** What a job must be like; what is not said does not matter. */
export interface JobPattern<Payload = unknown> {
  readonly payload?: Payload
  readonly queue?: string | undefined
  /** When it is due, give or take a second: a `Date`, or an ISO string with an offset. */
  readonly scheduledAt?: Date | string | undefined
  /** How long after it was added it is due, give or take a second. */
  readonly scheduledIn?: Duration | undefined
  readonly state?: JobState | undefined
  readonly priority?: number | undefined
  /** Those among its tags. */
  readonly tags?: readonly string[] | undefined
  readonly uniqueKey?: string | undefined
  readonly serialKey?: string | undefined
}

/** A job that was added, for real or not. */
export interface Candidate {
  readonly id: string
  readonly task: string
  readonly payload: unknown
  /** Undefined where the task or the database decides it. */
  readonly queue: string | undefined
  readonly scheduledAt: Date
  readonly createdAt: Date
  readonly state: JobState
  readonly priority: number | undefined
  readonly tags: readonly string[]
  readonly uniqueKey: string | undefined
  readonly serialKey: string | undefined
}

/** Milliseconds by which times may differ: code under test and the database look at the clock at different moments. */
const TOLERANCE = 1_000

/** Where a job is not what is expected, as lines; none where it fits. */
export function misfits(job: Candidate, pattern: JobPattern): string[] {
  const { payload, scheduledAt, scheduledIn, tags = [] } = pattern
  const flaws = payload === undefined ? [] : partFlaws(job.payload, payload, 'payload')
  for (const field of ['queue', 'state', 'priority', 'uniqueKey', 'serialKey'] as const) {
    const wanted = pattern[field]
    if (wanted !== undefined && job[field] !== wanted) flaws.push(differs(field, job[field], wanted))
  }
  for (const tag of tags) {
    if (!job.tags.includes(tag)) flaws.push(`tags: ${showValue(job.tags)}, without ${showValue(tag)}`)
  }
  if (scheduledAt !== undefined) {
    const at = new Date(parseInstant(scheduledAt, 'scheduledAt'))
    if (!isAbout(job.scheduledAt.getTime(), at.getTime()))
      flaws.push(`scheduledAt: ${job.scheduledAt.toISOString()}, not ${at.toISOString()}`)
  }
  if (scheduledIn !== undefined) {
    const after = job.scheduledAt.getTime() - job.createdAt.getTime()
    if (!isAbout(after, parseDuration(scheduledIn, 'scheduledIn')))
      flaws.push(`scheduledIn: ${after} ms, not ${showValue(scheduledIn)}`)
  }
  return flaws
}

function isAbout(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE
}

function partFlaws(value: unknown, part: unknown, path: string): string[] {
  if (Array.isArray(part)) {
    if (!Array.isArray(value) || value.length !== part.length) return [differs(path, value, part)]
    return part.flatMap((item, at) => partFlaws(value[at], item, `${path}[${at}]`))
  }
  if (part instanceof Date)
    return value === part.toISOString() ? [] : [differs(path, value, part.toISOString())]
  if (typeof part === 'object' && part !== null) {
    if (typeof value !== 'object' || value === null) return [differs(path, value, part)]
    return Object.entries(part).flatMap(([key, wanted]) =>
      wanted === undefined ? [] : partFlaws(Reflect.get(value, key), wanted, `${path}.${key}`),
    )
  }
  return Object.is(value, part) ? [] : [differs(path, value, part)]
}

function differs(path: string, found: unknown, wanted: unknown): string {
  return `${path}: ${showValue(found)}, not ${showValue(wanted)}`
}
