import type { Lease } from '../core/lease.ts'
import type { Database, TextRow } from './database.ts'
import {
  claimJobs as carefully,
  claimReady as atOnce,
  claimTold as byNumber,
} from './statements.generated.ts'
import { inSchema, valuesOf } from './statement.ts'

/** What to claim, for whom. */
export interface ClaimRequest {
  readonly worker: number
  readonly nonce: string
  /** A number that this worker never used before. */
  readonly claim: number
  /** How many of which queues; `all` takes from every queue in turn. */
  readonly queues: ReadonlyMap<number, number> | 'all'
  readonly total: number
  readonly tasks: readonly number[]
  /** Jobs that bear one of these flags are left alone. */
  readonly forbiddenFlags?: readonly string[] | undefined
  /** If there are not enough: say when the next one falls due. Otherwise that may be left out. @default true */
  readonly isSurvey?: boolean | undefined
  /** It was told so often that it is not its turn that it goes all the same. @default false */
  readonly insists?: boolean | undefined
  /** Nothing is ready but this job: it need not be looked for. */
  readonly told?: ToldJob | undefined
  /** Where to begin to look; without, from the start. */
  readonly marks?: ClaimMarks | undefined
  /**
   * Microseconds since 1970. Of many who claim: begin where the last of those with the same tasks ended, and say to the next
   * where this one ends, if before then. Only beside marks.
   */
  readonly horizon?: number | undefined
}

/** A job that was just added. */
export interface ToldJob {
  readonly queue: number
  readonly id: string
}

/** A place in a lane. */
export interface ClaimMark {
  /** Microseconds since 1970. */
  readonly at: number
  readonly id: string
}

/** Places before which there is nothing to claim, while these tasks are paused. */
export interface ClaimMarks {
  readonly places: readonly LaneMark[]
  readonly paused: readonly number[]
}

/** `lane` -1: in all lanes of the queue. */
export interface LaneMark extends ClaimMark {
  readonly queue: number
  readonly lane: number
}

/** What a claim says of itself, of which marks are made. */
export interface ClaimEnd {
  readonly time: ClaimTime
  /** Tasks. */
  readonly paused: readonly number[]
  /** How far it looked, where it left nothing behind. `lane` -1: to the end of all lanes. */
  readonly ends: readonly LaneMark[]
}

export interface ClaimTime {
  /** Microseconds since 1970, just before its transaction began. */
  readonly now: number
  /** Undefined where it found nothing, and was no survey. */
  readonly xid: number | undefined
  /** All transactions below have ended. */
  readonly xmin: number
}

/** A job as claimed: names still numbers, everything else as the database prints it, parsed when somebody looks. */
export interface ClaimedJob {
  readonly id: string
  readonly queueId: number
  readonly taskId: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly priority: number
  readonly crashes: number
  /** Microseconds since 1970. */
  readonly runAt: number
  /** Microseconds since 1970. */
  readonly createdAt: number
  /** Goes to history when completed. */
  readonly kept: boolean
  /** Where its row lies: a hint that saves a look-up when it is settled. */
  readonly place: string
  readonly payload: string
  readonly extras: string | null
  readonly errors: string | null
  /** Why it must not run: it was cancelled, or superseded by a successor, while it ran before. */
  readonly ended: string | null
  readonly lease: Lease
}

export interface Claimed {
  readonly jobs: readonly ClaimedJob[]
  /** Fewer jobs were ready than were asked for. */
  readonly dry: boolean
  /** Others are claiming, as many at a time as do the database good: it did nothing, and what follows says nothing. */
  readonly hadNoTurn?: boolean | undefined
  /** To try it at once was in vain. */
  readonly wasSpecial?: boolean | undefined
  /** It has not looked for anything but the job of which one was told. */
  readonly wasTold?: boolean | undefined
  /** Where dry: milliseconds until the next scheduled job of the queues asked falls due, if there is one. */
  readonly nextDueIn: number | undefined
  readonly end: ClaimEnd
}

/**
 * Leases up to `total` ready jobs, best priority and earliest due first within each queue. What is no survey is first tried
 * at once, which takes a quarter less and finds plain jobs.
 */
export async function claimJobs(database: Database, schema: string, request: ClaimRequest): Promise<Claimed> {
  const lease: Lease = { worker: request.worker, claim: request.claim }
  const triesAtOnce = canBeAtOnce(request)
  if (triesAtOnce && request.told !== undefined) {
    const claimed = await claimTold(database, schema, request, request.told)
    if (claimed !== undefined) return claimed
  }
  if (triesAtOnce) {
    const rows = await claimAtOnce(database, schema, request)
    if (rows.length > 0) return claimedIn(rows, lease)
  }
  const claimed = claimedIn(await claimCarefully(database, schema, request), lease)
  return triesAtOnce ? { ...claimed, wasSpecial: true } : claimed
}

function canBeAtOnce({
  queues,
  forbiddenFlags = [],
  isSurvey = true,
  insists,
  marks,
  horizon,
}: ClaimRequest): boolean {
  if (insists === true || horizon !== undefined) return false
  const isOfAll = queues === 'all' || queues.size === 1
  return !isSurvey && isOfAll && forbiddenFlags.length === 0 && (marks?.paused ?? []).length === 0
}

/** Undefined where it is not for this claim to tell. */
async function claimTold(
  database: Database,
  schema: string,
  { worker, nonce, claim, tasks }: ClaimRequest,
  { queue, id }: ToldJob,
): Promise<Claimed | undefined> {
  const { text: sql, name } = inSchema(byNumber, schema)
  const values = { worker, nonce, claim, queue, id, tasks }
  const [row] = await database.queryText(sql, valuesOf(byNumber, values), name)
  if (row === undefined) return undefined
  return {
    jobs: unpacked(row, { worker, claim }),
    dry: true,
    wasTold: true,
    nextDueIn: undefined,
    end: UNSEEN,
  }
}

async function claimAtOnce(
  database: Database,
  schema: string,
  request: ClaimRequest,
): Promise<readonly TextRow[]> {
  const { queues, total, marks = NO_MARKS } = request
  const { text: sql, name } = inSchema(atOnce, schema)
  const [[queue, limit] = [null, total]] = queues === 'all' ? [] : queues
  const values = { ...request, ...marksOf(marks), queue, total: Math.min(total, limit) }
  return database.queryText(sql, valuesOf(atOnce, values), name)
}

async function claimCarefully(
  database: Database,
  schema: string,
  request: ClaimRequest,
): Promise<readonly TextRow[]> {
  const { queues, forbiddenFlags = [], isSurvey = true, insists = false, marks = NO_MARKS, horizon } = request
  const { text: sql, name } = inSchema(carefully, schema)
  const values = {
    ...request,
    ...marksOf(marks),
    queues: queues === 'all' ? null : [...queues.keys()],
    limits: queues === 'all' ? null : [...queues.values()],
    forbidden: forbiddenFlags.length === 0 ? null : forbiddenFlags,
    is_survey: isSurvey,
    insists,
    mark_paused: marks.places.length === 0 ? null : marks.paused,
    horizon_us: horizon === undefined ? null : String(horizon),
    // By what they know, those who share marks find each other.
    tasks: horizon === undefined ? request.tasks : request.tasks.toSorted((a, b) => a - b),
  }
  return database.queryText(sql, valuesOf(carefully, values), name)
}

function marksOf({ places }: ClaimMarks) {
  const isNone = places.length === 0
  return {
    mark_queues: isNone ? null : places.map(({ queue }) => queue),
    mark_lanes: isNone ? null : places.map(({ lane }) => lane),
    marks_us: isNone ? null : places.map(({ at }) => String(at)),
    mark_ids: isNone ? null : places.map(({ id }) => id),
  }
}

function claimedIn(rows: readonly TextRow[], lease: Lease): Claimed {
  const last = rows.at(-1)
  if (last === undefined) throw new TypeError('claim_jobs left out its last row')
  const nextDueIn = last[Column.nextDueIn]
  return {
    jobs: inTurn(rows.flatMap((row) => unpacked(row, lease))),
    dry: last[Column.dry] === 't',
    hadNoTurn: last[Column.dry] === null,
    nextDueIn: typeof nextDueIn === 'string' ? Math.max(0, Number(nextDueIn)) : undefined,
    end: endOf(last),
  }
}

/** It says nothing of itself. */
const UNSEEN: ClaimEnd = { time: { now: 0, xid: undefined, xmin: 0 }, paused: [], ends: [] }

const NO_MARKS: ClaimMarks = { places: [], paused: [] }

function endOf(row: TextRow): ClaimEnd {
  const xid = row[Column.xid]
  return {
    time: {
      now: Number(row[Column.now]),
      xid: typeof xid === 'string' ? Number(xid) : undefined,
      xmin: Number(row[Column.xmin]),
    },
    paused: items(row[Column.paused]).map(Number),
    ends: endsOf(items(row[Column.ends])),
  }
}

function endsOf(numbers: readonly string[]): readonly LaneMark[] {
  const ends: LaneMark[] = []
  for (let at = 0; at < numbers.length; at += 4) {
    const [queue, lane, us, id] = numbers.slice(at, at + 4)
    ends.push({ queue: Number(queue), lane: Number(lane), at: Number(us), id: text(id) })
  }
  return ends
}

/** The claim answers in the order in which the rows lie on disk, which is mostly theirs. */
function inTurn(jobs: readonly ClaimedJob[]): readonly ClaimedJob[] {
  const isInTurn = jobs.every((job, index) => index === 0 || byTurn(jobs[index - 1] ?? job, job) < 0)
  return isInTurn ? jobs : jobs.toSorted(byTurn)
}

function byTurn(a: ClaimedJob, b: ClaimedJob): number {
  return a.priority - b.priority || a.runAt - b.runAt || a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
}

/** Where sql/queries/claim_jobs.sql has what. */
const Column = {
  queueId: 0,
  jobs: 1,
  dry: 2,
  nextDueIn: 3,
  now: 4,
  xid: 5,
  xmin: 6,
  paused: 7,
  ends: 8,
} as const

/** The jobs of one row, a line each. */
function unpacked(row: TextRow, lease: Lease): ClaimedJob[] {
  const queueId = Number(row[Column.queueId])
  const jobs = row[Column.jobs]
  if (typeof jobs !== 'string') return []
  return jobs.split('\n').map((line) => {
    const [id, taskId, attempt, maxAttempts, priority, crashes, runAt, createdAt, kept, ...rest] =
      line.split('\t')
    const [place, payload, errors, extras, ended] = rest
    return {
      id: text(id),
      queueId,
      taskId: Number(taskId),
      attempt: Number(attempt),
      maxAttempts: Number(maxAttempts),
      priority: Number(priority),
      crashes: Number(crashes),
      runAt: Number(runAt),
      createdAt: Number(createdAt),
      kept: kept === 't',
      place: text(place),
      payload: text(payload),
      errors: errors === '' ? null : text(errors),
      extras: extras === '' ? null : text(extras),
      ended: reason(ended),
      lease,
    }
  })
}

/** The elements of an array that needs no quotes; none of what is null. */
function items(array: string | null | undefined): string[] {
  return typeof array === 'string' && array !== '{}' ? array.slice(1, -1).split(',') : []
}

function reason(json: string | undefined): string | null {
  const parsed: unknown = json === undefined ? null : JSON.parse(json)
  return typeof parsed === 'string' ? parsed : null
}

function text(value: string | null | undefined): string {
  if (typeof value !== 'string') throw new TypeError('claim_jobs left out something that it promises')
  return value
}
