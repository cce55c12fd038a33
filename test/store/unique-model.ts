// Uniqueness as DESIGN.md tells it, in memory: what the database is compared with. Nothing here was taken from the SQL.

export type State = 'waiting' | 'running' | 'completed' | 'dead' | 'cancelled'

export interface Entry {
  readonly task: string
  readonly queue: string
  readonly payload: unknown
  /** Of all entries of a run, only this one has it. */
  readonly tag: string
  readonly priority: number
  readonly maxAttempts: number
  readonly timeout: number | undefined
  /** Milliseconds. */
  readonly delay: number
  readonly key: string | undefined
  readonly uniqueFor: number | undefined
  readonly onConflict: 'skip' | 'replace' | 'keep_schedule'
}

export interface ModelJob {
  readonly id: string
  readonly createdAt: number
  entry: Entry
  runAt: number
  state: State
  attempt: number
  crashes: number
  errors: number
  /** Of the worker that has it. */
  worker: number
  /** With a due time of before: it goes before those of its priority that never ran. */
  returned: boolean
  reason: string | undefined
}

export interface Holder {
  readonly task: string
  readonly key: string
  readonly id: string
  /** When the window ends; undefined: there is none. */
  readonly until: number | undefined
}

export type Answer =
  { readonly status: 'added' } | { readonly status: 'skipped' | 'replaced'; readonly id: string }

export class UniqueModel {
  readonly jobs = new Map<string, ModelJob>()
  /** The last to have had each key, whether or not that still keeps others out. */
  readonly #holders = new Map<string, Holder>()
  now: number

  constructor(now: number) {
    this.now = now
  }

  /** `newId`: what the job is called if it is added. */
  add(entry: Entry, newId: string): Answer {
    const held = entry.key === undefined ? undefined : this.#holders.get(nameOf(entry.task, entry.key))
    if (held === undefined || !this.holds(held)) return this.#addNew(entry, newId)
    const holder = this.jobs.get(held.id)
    if (entry.onConflict === 'skip' || holder === undefined || !isLive(holder)) {
      return { status: 'skipped', id: held.id }
    }
    if (holder.state === 'running') return this.#addNew(entry, newId)

    if (entry.onConflict === 'replace') holder.runAt = this.now + entry.delay
    holder.returned = holder.runAt < this.now
    Object.assign(holder, { entry, attempt: 0, crashes: 0, errors: 0 })
    this.#hold(holder.id, entry)
    return { status: 'replaced', id: holder.id }
  }

  #addNew(entry: Entry, id: string): Answer {
    this.jobs.set(id, {
      id,
      createdAt: this.now,
      entry,
      runAt: this.now + entry.delay,
      state: 'waiting',
      attempt: 0,
      crashes: 0,
      errors: 0,
      worker: 0,
      returned: false,
      reason: undefined,
    })
    this.#hold(id, entry)
    return { status: 'added' }
  }

  #hold(id: string, { task, key, uniqueFor }: Entry): void {
    if (key === undefined) return
    const until = uniqueFor === undefined ? undefined : this.now + uniqueFor
    this.#holders.set(nameOf(task, key), { task, key, id, until })
  }

  /** Whether it keeps others out. */
  holds({ id, until }: Holder): boolean {
    const job = this.jobs.get(id)
    return (until !== undefined && until > this.now) || (job !== undefined && isLive(job))
  }

  /** All that keep others out. */
  get holders(): Holder[] {
    return [...this.#holders.values()].filter((holder) => this.holds(holder))
  }

  /** Who took this job's key while it ran. */
  successorOf({ id, entry: { task, key } }: ModelJob): string | undefined {
    const holder = key === undefined ? undefined : this.#holders.get(nameOf(task, key))
    return holder === undefined || holder.id === id ? undefined : holder.id
  }

  /** What a claim finds, in its order. */
  claim(worker: number, queue: string, limit: number): ModelJob[] {
    const ready = [...this.jobs.values()]
      .filter((job) => job.state === 'waiting' && job.entry.queue === queue && job.runAt <= this.now)
      .toSorted(
        (a, b) =>
          a.entry.priority - b.entry.priority || Number(b.returned) - Number(a.returned) || byDueTime(a, b),
      )
      .slice(0, limit)
      // Those that come together are in order of due time.
      .toSorted((a, b) => a.entry.priority - b.entry.priority || byDueTime(a, b))
    for (const job of ready) Object.assign(job, { state: 'running', worker, attempt: job.attempt + 1 })
    return ready
  }

  running(worker?: number): ModelJob[] {
    return [...this.jobs.values()].filter(
      (job) => job.state === 'running' && (worker === undefined || job.worker === worker),
    )
  }

  finish(job: ModelJob, state: 'completed' | 'dead' | 'cancelled', reason?: string): void {
    Object.assign(job, { state, worker: 0, reason, errors: job.errors + (state === 'dead' ? 1 : 0) })
  }

  /** After a retry, a snooze, or given back. Returns why it did not come back, if it did not. */
  comeBack(
    job: ModelJob,
    kind: 'retry' | 'snoozed' | 'deferred' | 'released',
    delay: number,
  ): string | undefined {
    if (kind === 'retry') job.errors += 1
    const successor = this.successorOf(job)
    if (successor !== undefined) {
      const reason = `superseded by ${successor}`
      this.finish(job, 'cancelled', reason)
      return reason
    }
    job.state = 'waiting'
    job.worker = 0
    if (kind !== 'retry') job.attempt -= 1
    if (kind === 'retry' || kind === 'snoozed') job.crashes = 0
    job.returned = kind === 'released'
    if (!job.returned) job.runAt = this.now + delay
    return undefined
  }

  /** Its worker is gone. Nobody looks at keys then: who is superseded finds out when it is claimed. */
  rescue(worker: number): void {
    for (const job of this.running(worker)) {
      const { attempt, crashes } = job
      Object.assign(job, {
        state: 'waiting',
        worker: 0,
        returned: true,
        attempt: attempt - 1,
        crashes: crashes + 1,
      })
    }
  }

  /** A job that was over lives again, if it gets its key. */
  redrive(id: string): 'redriven' | 'conflict' | 'missing' {
    const job = this.jobs.get(id)
    if (job === undefined || isLive(job)) return 'missing'
    const { task, key } = job.entry
    if (key !== undefined) {
      const held = this.#holders.get(nameOf(task, key))
      if (held !== undefined && held.id !== id && this.holds(held)) return 'conflict'
      this.#holders.set(nameOf(task, key), { task, key, id, until: held?.id === id ? held.until : undefined })
    }
    Object.assign(job, {
      state: 'waiting',
      runAt: this.now,
      returned: false,
      attempt: 0,
      crashes: 0,
      reason: undefined,
    })
    return 'redriven'
  }
}

function byDueTime(a: ModelJob, b: ModelJob): number {
  return a.runAt - b.runAt || Number(a.id) - Number(b.id)
}

export function isLive({ state }: ModelJob): boolean {
  return state === 'waiting' || state === 'running'
}

function nameOf(task: string, key: string): string {
  return JSON.stringify([task, key])
}
