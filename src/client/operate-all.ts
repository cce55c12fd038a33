import type { BulkResult, CheckedBulk } from '../core/bulk.ts'
import type { CheckedFilter } from '../core/job-filter.ts'
import { only, type JobTargets, type JobVerb, type Operated } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'
import { EvenPace } from './even-pace.ts'

/** Jobs a transaction is about. */
const BATCH = 500
/** Rows to look at for a batch. */
const SCAN = 10_000
/** Jobs up to which a dry run counts, and rows that it looks at. */
const COUNT_UP_TO = 10_000
const LOOK_UP_TO = 1_000_000
/** How long a batch asks again for what somebody has, and how long all do at the end, when nothing else is left. */
const PATIENCE = 20
const LAST_PATIENCE = 3_000

export type BulkStore = Pick<Store, 'walkJobs' | 'operateJobs'>

/**
 * Does something with all jobs that fit, from the newest id down: what is added meanwhile is left alone. Batch by batch,
 * each in a short transaction of its own; what one of them did stays done.
 */
export async function operateAll(
  store: BulkStore,
  verb: JobVerb,
  filter: CheckedFilter,
  { dryRun, signal, onBatch, rate }: CheckedBulk,
): Promise<BulkResult> {
  const tally = new Tally()
  const pace = new EvenPace(rate)
  const limit = dryRun ? COUNT_UP_TO : pace.batchOf(BATCH)
  let locked: JobTargets = { ids: [], queues: [] }
  let before: string | undefined
  do {
    signal?.throwIfAborted()
    const found = await store.walkJobs(filter, { before, limit, scan: SCAN })
    before = found.next
    tally.found(found.ids.length, found.scanned)
    if (!dryRun && found.ids.length > 0) {
      const operated = await store.operateJobs(verb, { targets: found, filter, patience: PATIENCE })
      locked = joined(locked, only(found, tally.done(operated)))
    }
    await onBatch?.(tally.result(dryRun && before !== undefined))
    if (!dryRun && before !== undefined) await pace.wait(tally.changed, signal)
  } while (before !== undefined && !(dryRun && tally.isEnough))

  for (let first = 0; first < locked.ids.length; first += BATCH) {
    signal?.throwIfAborted()
    const targets = {
      ids: locked.ids.slice(first, first + BATCH),
      queues: locked.queues?.slice(first, first + BATCH),
    }
    tally.skip(tally.done(await store.operateJobs(verb, { targets, filter, patience: LAST_PATIENCE })).size)
  }
  return tally.result(before !== undefined)
}

function joined(a: JobTargets, b: JobTargets): JobTargets {
  return { ids: [...a.ids, ...b.ids], queues: [...(a.queues ?? []), ...(b.queues ?? [])] }
}

class Tally {
  changed = 0
  #matched = 0
  #scanned = 0
  #conflicts = 0
  #skipped = 0

  /** Enough for a dry run. */
  get isEnough(): boolean {
    return this.#matched >= COUNT_UP_TO || this.#scanned >= LOOK_UP_TO
  }

  found(matched: number, scanned: number): void {
    this.#matched += matched
    this.#scanned += scanned
  }

  /** Returns those that somebody had. */
  done(operated: readonly Operated[]): ReadonlySet<string> {
    const locked = new Set<string>()
    for (const { id, status } of operated) {
      if (status === 'locked') locked.add(id)
      else if (status === 'done' || status === 'told') this.changed++
      else if (status === 'conflict') this.#conflicts++
      else this.#skipped++
    }
    return locked
  }

  skip(count: number): void {
    this.#skipped += count
  }

  result(more: boolean): BulkResult {
    return {
      matched: this.#matched,
      changed: this.changed,
      conflicts: this.#conflicts,
      skipped: this.#skipped,
      scanned: this.#scanned,
      complete: !more,
    }
  }
}
