// The life of a job as ARCHITECTURE.md draws it, in memory: what the database is compared with. Nothing here was taken from
// the SQL. Times are milliseconds since the beginning of the history.
import type { Lease } from '../../src/core/lease.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { WorkerMessage } from '../../src/core/worker-message.ts'
import type { Conclusion } from '../../src/store/complete-job.ts'
import type { Operated } from '../../src/store/operate-jobs.ts'

export interface Entry {
  readonly task: string
  readonly queue: string
  readonly priority: number
  readonly delay: number
  readonly maxAttempts: number
  /** How long it is kept once it is completed or cancelled; 0: not at all. */
  readonly retain: number
  /** How long it is kept once it is dead; undefined: for good. */
  readonly retainDead: number | undefined
  readonly serialKey: string | undefined
  readonly uniqueKey: string | undefined
  readonly uniqueFor: number | undefined
}

export type State = 'waiting' | 'running' | 'completed' | 'cancelled' | 'dead' | 'gone'

export interface End {
  readonly at: number
  readonly reason: string | null
  readonly expiresAt: number
  readonly result: unknown
  /** There is no day on which it would be dropped with all others. */
  readonly hasNoDay: boolean
}

export interface LifeJob {
  readonly id: string
  readonly entry: Entry
  state: State
  priority: number
  runAt: number
  /** It was given back with its due time of before, and goes before those of its priority that never ran. */
  goesFirst: boolean
  /** Out of the way, because its task is paused, or was. */
  parked: boolean
  attempt: number
  crashes: number
  errors: number
  snoozes: number
  lease: Lease | undefined
  /** Why it must not run again: it was cancelled while it ran. */
  marked: string | undefined
  end: End | undefined
  steps: number
}

/** What one settlement says of one job. */
export interface Settling {
  readonly id: string
  readonly claim: number
  readonly settlement: Settlement
}

export interface SettlingOf {
  readonly worker: number
  readonly queue: string
  readonly jobs: readonly Settling[]
  readonly closed: readonly number[]
}

export interface HeldBy {
  readonly id: string
  readonly lease: Lease
}

interface LedgerRow {
  readonly worker: number
  readonly claim: number
  readonly queue: string
  readonly ids: readonly string[]
}

type Message = Exclude<WorkerMessage, { kind: 'drain' }>

interface WorkerRow {
  readonly worker: number
  expired: boolean
  rescued: boolean
  /** It ended in good order, or an operator declared it dead: what it left counts no crash. */
  blameless: boolean
  /** What it is to be told; `read`: a heartbeat has brought it. */
  messages: { readonly message: Message; read: boolean }[]
}

interface Holder {
  id: string
  until: number | undefined
}

/** Completed in a transaction of its handler's, and not followed up. */
interface Completion extends HeldBy {
  readonly job: LifeJob
}

const HOUR = 3_600_000

export class LifeModel {
  now = 0
  readonly jobs = new Map<string, LifeJob>()
  readonly workers = new Map<number, WorkerRow>()
  /** Those that an open transaction holds. */
  readonly locked = new Set<string>()
  readonly pausedQueues = new Set<string>()
  readonly pausedTasks = new Set<string>()
  /** Task and key. */
  readonly holders = new Map<string, Holder>()
  ledger: LedgerRow[] = []
  completions: Completion[] = []
  /** From here on there are no days on which what expires is dropped. */
  readonly #horizon: number

  constructor(horizon: number) {
    this.#horizon = horizon
  }

  // Adding

  add(entry: Entry, newId: string): { readonly status: 'added' | 'skipped'; readonly id: string } {
    const name = keyOf(entry)
    if (name !== undefined) {
      const held = this.holders.get(name)
      if (held !== undefined && this.#holds(held)) return { status: 'skipped', id: held.id }
      const { uniqueFor } = entry
      this.holders.set(name, { id: newId, until: uniqueFor === undefined ? undefined : this.now + uniqueFor })
    }
    this.jobs.set(newId, {
      id: newId,
      entry,
      state: 'waiting',
      priority: entry.priority,
      runAt: this.now + entry.delay,
      goesFirst: false,
      parked: false,
      attempt: 0,
      crashes: 0,
      errors: 0,
      snoozes: 0,
      lease: undefined,
      marked: undefined,
      end: undefined,
      steps: 0,
    })
    return { status: 'added', id: newId }
  }

  #holds({ id, until }: Holder): boolean {
    const job = this.jobs.get(id)
    return (until !== undefined && until > this.now) || (job !== undefined && isLive(job))
  }

  pruneKeys(): number {
    const dead = [...this.holders].filter(([, holder]) => !this.#holds(holder))
    for (const [name] of dead) this.holders.delete(name)
    return dead.length
  }

  // Claiming

  register(worker: number): void {
    this.workers.set(worker, {
      worker,
      expired: false,
      rescued: false,
      blameless: false,
      messages: [],
    })
  }

  mayClaim(worker: number): boolean {
    return this.workers.get(worker)?.rescued === false
  }

  /** What claims of these queues find, in their order within each queue. */
  claimable(queues: readonly string[]): LifeJob[] {
    return [...this.jobs.values()]
      .filter(
        ({ state, parked, runAt, entry: { queue, task } }) =>
          state === 'waiting' &&
          !parked &&
          runAt <= this.now &&
          queues.includes(queue) &&
          !this.pausedQueues.has(queue) &&
          !this.pausedTasks.has(task),
      )
      .toSorted(
        (a, b) =>
          a.priority - b.priority ||
          Number(b.goesFirst) - Number(a.goesFirst) ||
          a.runAt - b.runAt ||
          Number(a.id) - Number(b.id),
      )
  }

  claimed(lease: Lease, ids: readonly string[]): void {
    const jobs = ids.map((id) => this.job(id))
    for (const job of jobs) Object.assign(job, { state: 'running', attempt: job.attempt + 1, lease })
    for (const queue of new Set(jobs.map(({ entry }) => entry.queue))) {
      const ofQueue = jobs.filter(({ entry }) => entry.queue === queue)
      this.ledger.push({ ...lease, queue, ids: ofQueue.map(({ id }) => id) })
    }
  }

  /** The serial key of a queue is one's that is completed, and nobody has given it to the next one yet. */
  isAwaitingHandOver(queue: string): boolean {
    return this.completions.some(
      ({ job: { entry } }) => entry.queue === queue && entry.serialKey !== undefined,
    )
  }

  // Settling

  holds({ id, lease }: HeldBy): boolean {
    const held = this.jobs.get(id)?.lease
    return held !== undefined && held.worker === lease.worker && held.claim === lease.claim
  }

  /** `at`: where what is written is older than the commit. */
  settle(
    { worker, queue, jobs, closed }: SettlingOf,
    at = this.now,
  ): { readonly refused: string[]; readonly ended: Map<string, string> } {
    const refused: string[] = []
    const ended = new Map<string, string>()
    for (const { id, claim, settlement } of jobs) {
      if (!this.holds({ id, lease: { worker, claim } })) {
        refused.push(id)
        continue
      }
      const reason = this.#settleOne(this.job(id), settlement, at)
      if (reason !== undefined) ended.set(id, reason)
    }
    this.ledger = this.ledger.filter(
      (row) => row.worker !== worker || row.queue !== queue || !closed.includes(row.claim),
    )
    return { refused, ended }
  }

  /** Answers why it ended as cancelled where that is not what was asked for, or not for that reason. */
  #settleOne(job: LifeJob, settlement: Settlement, at: number): string | undefined {
    const { marked } = job
    if (settlement.kind === 'completed') {
      this.#finish(job, 'completed', at, null, settlement.result ?? null)
      return undefined
    }
    if (settlement.kind === 'retry' || settlement.kind === 'dead') job.errors += 1
    if (marked !== undefined) {
      this.#finish(job, 'cancelled', at, marked)
      return marked
    }
    switch (settlement.kind) {
      case 'dead':
      case 'cancelled':
        this.#finish(job, settlement.kind, at, settlement.reason)
        return undefined
      case 'retry':
        job.crashes = 0
        this.#comeBack(job, at + (settlement.delay ?? 0))
        return undefined
      case 'snoozed':
        job.attempt -= 1
        job.snoozes += 1
        job.crashes = 0
        this.#comeBack(job, at + settlement.delay)
        return undefined
      case 'deferred':
        job.attempt -= 1
        this.#comeBack(job, at + settlement.delay)
        return undefined
      case 'released':
        job.attempt -= 1
        this.#comeBack(job, undefined)
        return undefined
      default:
        return settlement satisfies never
    }
  }

  /** Without a time: with that of before. */
  #comeBack(job: LifeJob, runAt: number | undefined): void {
    job.state = 'waiting'
    job.lease = undefined
    job.goesFirst = runAt === undefined
    if (runAt !== undefined) job.runAt = runAt
  }

  #finish(
    job: LifeJob,
    state: 'completed' | 'cancelled' | 'dead',
    at: number,
    reason: string | null,
    result: unknown = null,
  ): void {
    const { retain, retainDead } = job.entry
    const kept = state === 'dead' ? (retainDead ?? Infinity) : retain
    const expiresAt = at + kept
    // A dead letter is not put into a day that may be dropped at any moment.
    const day = state === 'dead' ? Math.max(expiresAt, at + HOUR) : expiresAt
    job.lease = undefined
    job.parked = false
    job.state = kept === 0 ? 'gone' : state
    job.end = kept === 0 ? undefined : { at, reason, expiresAt, result, hasNoDay: day >= this.#horizon }
  }

  // Completing in a transaction of the handler's

  /** What stands in the way of a write about a running job. */
  fence(held: HeldBy): 'KT_LEASE_LOST' | 'KT_ALREADY_COMPLETED' | undefined {
    if (this.holds(held)) return undefined
    return this.completions.some((completion) => isSame(completion, held))
      ? 'KT_ALREADY_COMPLETED'
      : 'KT_LEASE_LOST'
  }

  /** The transaction has committed. */
  completed(held: HeldBy, result: unknown, at: number): void {
    const job = this.job(held.id)
    this.#finish(job, 'completed', at, null, result)
    this.completions.push({ ...held, job })
  }

  conclude(held: HeldBy): Conclusion {
    const before = this.completions.length
    this.completions = this.completions.filter((completion) => !isSame(completion, held))
    if (this.completions.length < before) return 'completed'
    if (!this.holds(held)) return 'lost'
    return this.locked.has(held.id) ? 'pending' : 'open'
  }

  /** Follows up what dead processes completed. */
  sweep(): number {
    const left = this.completions.filter(({ lease }) => this.mayClaim(lease.worker))
    const swept = this.completions.length - left.length
    this.completions = left
    return swept
  }

  // The lives of workers

  heartbeat(
    worker: number,
    { known, before, isHeard }: { known: readonly number[]; before: number; isHeard: boolean },
  ): { readonly alive: boolean; readonly messages: readonly Message[] } {
    const row = this.workers.get(worker)
    if (row === undefined || row.rescued) return { alive: false, messages: [] }
    row.expired = false
    this.#giveBack(
      ({ claim, ...of }) => of.worker === worker && claim < before && !known.includes(claim),
      false,
    )
    if (isHeard) row.messages = row.messages.filter(({ read }) => !read)
    return { alive: true, messages: row.messages.map(({ message }) => message) }
  }

  /** A heartbeat's answer has arrived. */
  wasRead(worker: number): void {
    for (const message of this.workers.get(worker)?.messages ?? []) message.read = true
  }

  tell(worker: number | 'all', message: Message): void {
    for (const row of this.workers.values()) {
      if (!row.rescued && (worker === 'all' || row.worker === worker))
        row.messages.push({ message, read: false })
    }
  }

  expire(worker: number): void {
    const row = this.workers.get(worker)
    if (row !== undefined) row.expired = true
  }

  rescue(): { readonly workers: number; readonly jobs: number } {
    let [workers, jobs] = [0, 0]
    for (const row of this.workers.values()) {
      if (!row.expired) continue
      if (!row.rescued) workers += 1
      row.rescued = true
      jobs += this.#end(row, !row.blameless)
    }
    return { workers, jobs }
  }

  unregister(worker: number): void {
    const row = this.workers.get(worker)
    if (row === undefined) return
    row.blameless = true
    this.#end(row, false)
  }

  /** An operator declares it dead. */
  unlock(worker: number): number | undefined {
    const row = this.workers.get(worker)
    if (row === undefined || row.rescued) return undefined
    row.rescued = true
    row.expired = true
    row.blameless = true
    return this.#end(row, false)
  }

  /** Gives back what it has, and forgets it unless something of that is locked. */
  #end(row: WorkerRow, crashed: boolean): number {
    row.messages = []
    const released = this.#giveBack(({ worker }) => worker === row.worker, crashed)
    if (!this.ledger.some(({ worker }) => worker === row.worker)) this.workers.delete(row.worker)
    return released
  }

  #giveBack(isMeant: (row: LedgerRow) => boolean, crashed: boolean): number {
    let released = 0
    for (const row of this.ledger.filter(isMeant)) {
      const isHeld = (id: string): boolean => this.holds({ id, lease: row })
      for (const id of row.ids) {
        if (!isHeld(id) || this.locked.has(id)) continue
        const job = this.job(id)
        job.attempt -= 1
        if (crashed) job.crashes += 1
        this.#comeBack(job, undefined)
        released += 1
      }
      if (!row.ids.some(isHeld)) this.ledger = this.ledger.filter((other) => other !== row)
    }
    return released
  }

  // An operator

  cancel(id: string, reason: string): Operated['status'] {
    const job = this.jobs.get(id)
    if (job === undefined || !isLive(job)) return 'missing'
    if (this.locked.has(id)) return 'locked'
    if (job.state === 'running') {
      job.marked ??= reason
      this.tell(job.lease?.worker ?? 0, { kind: 'cancel', job: id, reason: job.marked })
      return 'told'
    }
    this.#finish(job, 'cancelled', this.now, reason)
    return 'done'
  }

  delete(id: string): Operated['status'] {
    const job = this.jobs.get(id)
    if (job === undefined || !this.isThere(job)) return 'missing'
    if (this.locked.has(id)) return 'locked'
    if (job.state === 'running') return 'refused'
    job.state = 'gone'
    job.end = undefined
    return 'done'
  }

  /** In the order of `retryOrder`. */
  retry(id: string): Operated['status'] {
    const job = this.jobs.get(id)
    if (job === undefined || !this.isThere(job)) return 'missing'
    if (isLive(job)) return this.move(id, { sooner: this.now })
    const name = keyOf(job.entry)
    if (name !== undefined) {
      const held = this.holders.get(name)
      if (held !== undefined && held.id !== id && this.#holds(held)) return 'conflict'
      this.holders.set(name, { id, until: held?.id === id ? held.until : undefined })
    }
    if (job.state !== 'dead') job.steps = 0
    Object.assign(job, {
      state: 'waiting',
      runAt: this.now,
      goesFirst: false,
      parked: false,
      attempt: 0,
      crashes: 0,
    })
    job.marked = undefined
    job.end = undefined
    return 'done'
  }

  /** `sooner`: only what is due later. */
  move(
    id: string,
    { sooner, to = sooner, priority }: { sooner?: number; to?: number; priority?: number },
  ): Operated['status'] {
    const job = this.jobs.get(id)
    if (job === undefined || !isLive(job)) return 'missing'
    if (this.locked.has(id)) return 'locked'
    if (job.state === 'running') return 'refused'
    if (sooner !== undefined && job.runAt <= sooner) return 'done'
    job.runAt = to ?? job.runAt
    job.priority = priority ?? job.priority
    // With a time of before it may lie where nobody looks any more.
    if (!job.parked) job.goesFirst = job.runAt < this.now
    return 'done'
  }

  /** Those of paused tasks that claims would meet, unless a serial key says where they are. */
  park(): number {
    const met = [...this.jobs.values()].filter(
      ({ state, parked, runAt, entry }) =>
        state === 'waiting' &&
        !parked &&
        runAt <= this.now &&
        entry.serialKey === undefined &&
        this.pausedTasks.has(entry.task) &&
        !this.pausedQueues.has(entry.queue),
    )
    for (const job of met) job.parked = true
    return met.length
  }

  unpark(): number {
    const parked = [...this.jobs.values()].filter(
      ({ state, parked: isParked, entry }) =>
        state === 'waiting' && isParked && !this.pausedTasks.has(entry.task),
    )
    for (const job of parked) Object.assign(job, { parked: false, goesFirst: true })
    return parked.length
  }

  // What is over

  /** To whoever looks for it. */
  isThere(job: LifeJob): boolean {
    return isLive(job) || (job.end !== undefined && job.end.expiresAt > this.now)
  }

  /** Forgets what has expired and lies on no day. */
  pruneOverflow(): number {
    const over = [...this.jobs.values()].filter(
      ({ end }) => end !== undefined && end.hasNoDay && end.expiresAt < this.now,
    )
    for (const job of over) Object.assign(job, { state: 'gone', end: undefined })
    return over.length
  }

  /** Steps are kept while their job may go on. */
  pruneSteps(): number {
    let pruned = 0
    for (const job of this.jobs.values()) {
      if (isLive(job) || (job.state === 'dead' && this.isThere(job))) continue
      pruned += job.steps
      job.steps = 0
    }
    return pruned
  }

  job(id: string): LifeJob {
    const job = this.jobs.get(id)
    if (job === undefined) throw new Error(`the model has no job ${id}`)
    return job
  }
}

export function isLive({ state }: LifeJob): boolean {
  return state === 'waiting' || state === 'running'
}

/** Of several jobs with one unique key, which gets it. */
export function retryOrder(a: LifeJob, b: LifeJob): number {
  const [one, other] = [keyOf(a.entry) ?? '', keyOf(b.entry) ?? '']
  if (one !== other) return one < other ? -1 : 1
  return Number(a.id) - Number(b.id)
}

export function keyOf({ task, uniqueKey }: Entry): string | undefined {
  return uniqueKey === undefined ? undefined : `${task} ${uniqueKey}`
}

function isSame(a: HeldBy, b: HeldBy): boolean {
  return a.id === b.id && a.lease.worker === b.lease.worker && a.lease.claim === b.lease.claim
}
