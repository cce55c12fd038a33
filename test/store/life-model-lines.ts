import assert from 'node:assert/strict'
import { isLive, type LifeJob, type LifeModel } from './life-model.ts'

/** The jobs with a serial key, a line of them in each queue: whose turn it is, as far as that is promised. */
export class SerialLines {
  readonly #model: LifeModel
  /** When each job came into its line. */
  readonly #came = new Map<string, number>()
  /** The job of each queue that has begun, while it is live: it comes before all others. */
  readonly #begun = new Map<string, string>()

  constructor(model: LifeModel) {
    this.#model = model
  }

  /** What has come and gone until now. */
  look(now: number): void {
    for (const job of this.#model.jobs.values()) {
      const { queue, serialKey } = job.entry
      if (serialKey === undefined) continue
      if (!isLive(job)) {
        this.#came.delete(job.id)
        if (this.#begun.get(queue) === job.id) this.#begun.delete(queue)
      } else if (!this.#came.has(job.id)) this.#came.set(job.id, now)
    }
  }

  /** `candidates`: all that could be claimed, were it not for their keys. */
  claimed(
    queue: string,
    ids: ReadonlySet<string>,
    { candidates, hadRoom }: { readonly candidates: readonly LifeJob[]; readonly hadRoom: boolean },
  ): void {
    const members = this.#membersOf(queue)
    const chosen = members.filter(({ id }) => ids.has(id))
    const turn = this.#turnOf(queue, members)
    const named = turn.map(({ id }) => id).join(' or ')
    assert(chosen.length <= 1, `one job of a serial key at a time, not ${chosen.length}`)
    for (const job of chosen) {
      assert(turn.includes(job), `it is the turn of ${named}, not of ${job.id}`)
      this.#begun.set(queue, job.id)
    }
    if (hadRoom && turn.length > 0 && turn.every((job) => candidates.includes(job))) {
      assert.equal(chosen.length, 1, `it is the turn of ${named} of ${queue}`)
    }
  }

  #membersOf(queue: string): LifeJob[] {
    return [...this.#model.jobs.values()].filter(
      (job) => isLive(job) && job.entry.queue === queue && job.entry.serialKey !== undefined,
    )
  }

  /**
   * The one that has begun; else the first that was added. Where that one came later than others (it was redriven, say),
   * the key may have been given to one of those before.
   */
  #turnOf(queue: string, members: readonly LifeJob[]): readonly LifeJob[] {
    if (members.some(({ state }) => state === 'running') || this.#model.isAwaitingHandOver(queue)) return []
    const begun = members.filter(({ id }) => id === this.#begun.get(queue))
    if (begun.length > 0) return begun
    const cameAt = ({ id }: LifeJob): number => this.#came.get(id) ?? 0
    return members.filter((job) =>
      members.every((other) => Number(other.id) >= Number(job.id) || cameAt(other) > cameAt(job)),
    )
  }
}
