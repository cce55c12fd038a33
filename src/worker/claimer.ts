// When to claim and how many. One loop for the whole process: at once again while the database has more than we asked for,
// asleep once it is dry, until a slot frees, a wake-up, a due time or the poll. Where handlers are so quick that one claim
// after the other cannot feed them, two are on their way at a time.
import { KongTaskError } from '../core/errors.ts'
import { Bell } from '../runtime/bell.ts'
import { pause, retry } from '../runtime/retry.ts'
import type { Claimed, ClaimedJob, ClaimRequest, ToldJob } from '../store/claim-jobs.ts'
import type { WakeUp } from '../store/listener.ts'
import { isLeaseLost, isTransient } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'
import type { Registration } from '../store/workers.ts'
import { askForFlags, type ForbiddenFlags } from './forbidden-flags.ts'
import type { AskedOfLane, Lane } from './lane.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { LowWaterMarks } from './low-water-marks.ts'

/** The lanes of a process: one a queue, or a single one for all queues. */
export type Lanes = ReadonlyMap<number, Lane> | Lane

export interface ClaimerOptions {
  readonly store: Pick<Store, 'claimJobs'>
  readonly lanes: Lanes
  readonly lease: LeaseKeeper
  readonly tasks: readonly number[]
  /** Jobs that bear one of these are left alone. */
  readonly forbiddenFlags?: ForbiddenFlags | undefined
  /** Milliseconds between looks without being told. */
  readonly pollInterval: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Too much is unsettled: claim no more for now. */
  readonly isClogged: () => boolean
  readonly onClaimed: (jobs: readonly ClaimedJob[]) => Promise<void>
  readonly onWeather: (error: unknown, attempt: number) => void
}

/** Who adds a job tells us of it only where it falls due within a minute; the others we must see ourselves. */
const LONGEST_REST = 60_000

/** Milliseconds. Where jobs with keys or limits come in, the next ones are likely to be such. */
const SPECIAL_FOR = 1_000

/**
 * Milliseconds between two tries to have a turn among many who claim, on the average: more after each in vain, less after each
 * that was not, as each costs who has the turn some of the processor's time.
 */
const WAIT_FOR_TURN = { least: 5, most: 600, factor: 3 }
/** Milliseconds. */
const LONGEST_WAIT_FOR_TURN = 5_000

/** Milliseconds. Who had no turn is one of many for so long. */
const CROWDED_FOR = 5_000

/** More would make PostgreSQL's connections wait for each other (STORAGE.md, law 13). */
const CLAIMS_AT_ONCE = 2

interface Ask {
  readonly total: number
  readonly queues: ReadonlyMap<number, number> | 'all'
  readonly isSurvey: boolean
  readonly lanes: readonly AskedLane[]
}

interface AskedLane {
  readonly lane: Lane
  /** Undefined where all queues share it. */
  readonly queue: number | undefined
  readonly asked: AskedOfLane
}

type Asked = Ask & Pick<ClaimRequest, 'forbiddenFlags' | 'insists'>

/** As whom a claim was sent. */
interface Under {
  registration?: Registration
  claim?: number
}

export class Claimer {
  readonly #options: ClaimerOptions
  readonly #bell = new Bell()
  readonly #stopping = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #marks: LowWaterMarks
  #pollAt: number
  /** Until when no claim is tried at once. */
  #specialUntil = 0
  /** Until when others are claiming all the time. */
  #crowdedUntil = 0
  /** Until the next try after one in vain. */
  #waitForTurn = WAIT_FOR_TURN.least
  #loop: Promise<void> | undefined

  constructor(options: ClaimerOptions) {
    this.#options = options
    this.#pollAt = options.now()
    this.#marks = new LowWaterMarks({ interval: options.pollInterval, now: options.now })
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Resolves when no claim is on its way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#bell.ring()
    await this.#loop
    await Promise.all(this.#underWay)
  }

  /** Jobs may have been added; without more being said, to any queue and for any time. */
  wake(wake?: WakeUp): void {
    const { queue, job: id, isReady } = wake ?? {}
    const told = queue === undefined || id === undefined ? undefined : { queue, id }
    for (const lane of this.#lanesOf(queue)) lane.wake(isReady, told)
    this.#bell.ring()
  }

  /** A slot is free, or there is a lease again. */
  look(): void {
    this.#bell.ring()
  }

  /** Claims once, looking from the start, and answers how many jobs came; undefined where it could not ask. */
  async runOnce(): Promise<number | undefined> {
    this.#marks.forget()
    const ask = this.#ask()
    if (ask === undefined) return undefined
    const claimed = await this.#claim(ask)
    return claimed?.jobs.length
  }

  async #run(): Promise<void> {
    const { now, lease, onWeather } = this.#options
    while (!this.#stopping.signal.aborted) {
      if (now() >= this.#pollAt) {
        this.#schedulePoll()
        for (const lane of this.#lanesOf()) lane.wake()
      }
      if (lease.isWorn) await lease.renewIfWorn().catch((error: unknown) => onWeather(error, 1))
      const ask = this.#underWay.size < CLAIMS_AT_ONCE ? this.#ask() : undefined
      if (ask === undefined) await this.#bell.sleep(this.#pollAt - now())
      else this.#send(ask)
    }
  }

  #send(ask: Ask): void {
    const claim = this.#claim(ask).then((claimed) => {
      this.#underWay.delete(claim)
      // After a failure it is for the poll to look again, or for who frees a slot.
      if (claimed !== undefined) this.#bell.ring()
    })
    this.#underWay.add(claim)
  }

  #schedulePoll(within = Infinity): void {
    const { now, pollInterval } = this.#options
    const interval = Math.min(within, LONGEST_REST, pollInterval * (0.9 + Math.random() * 0.2))
    this.#pollAt = now() + interval
  }

  #ask(): Ask | undefined {
    const { lanes, lease, isClogged, now } = this.#options
    if (lease.registration === undefined || isClogged()) return undefined
    if (!isShared(lanes)) return askEach(lanes, now())
    const asked = lanes.ask(now())
    if (asked === undefined) return undefined
    const { count, isSurvey } = asked
    return { total: count, queues: 'all', isSurvey, lanes: [{ lane: lanes, queue: undefined, asked }] }
  }

  async #claim(ask: Ask): Promise<Claimed | undefined> {
    const { lease, now, onClaimed } = this.#options
    const under: Under = {}
    let claimed: Claimed | undefined
    try {
      claimed = await this.#ready(ask, under)
      if (claimed === undefined) return undefined
      if (claimed.nextDueIn !== undefined && now() + claimed.nextDueIn < this.#pollAt) {
        this.#schedulePoll(claimed.nextDueIn + 1)
      }
      await onClaimed(claimed.jobs)
      return claimed
    } catch (error) {
      this.#failed(error, under.registration)
      return undefined
    } finally {
      // Not before what was claimed is in the buffers: it would be asked for twice.
      answerEach(ask, claimed, now())
      lease.closeClaim(under.claim)
    }
  }

  /** Until it has a turn. Says in `under` as whom it asked last. */
  async #ready(ask: Ask, under: Under): Promise<Claimed | undefined> {
    const { forbiddenFlags: flags, now } = this.#options
    const { signal } = this.#stopping
    const forbiddenFlags = typeof flags === 'function' ? await askForFlags(flags, signal) : flags
    const since = now()
    for (let tries = 1; !signal.aborted; tries++) {
      const insists = now() - since > LONGEST_WAIT_FOR_TURN
      const claimed = await this.#tried({ ...ask, forbiddenFlags, insists }, under)
      if (claimed?.hadNoTurn !== true) {
        if (tries === 1)
          this.#waitForTurn = Math.max(WAIT_FOR_TURN.least, this.#waitForTurn / WAIT_FOR_TURN.factor)
        return claimed
      }
      const wait = this.#waitForTurn
      this.#waitForTurn = Math.min(WAIT_FOR_TURN.most, wait * WAIT_FOR_TURN.factor)
      await pause(wait * (0.5 + Math.random()), signal)
    }
    return undefined
  }

  #tried(ask: Asked, under: Under): Promise<Claimed | undefined> {
    const { lease, tasks, onWeather, now } = this.#options
    /** Tries, one after the other, that took longer than they may. */
    let late = 0
    return retry(
      () => {
        const { registration } = lease
        if (registration === undefined) return Promise.resolve(undefined)
        // Each try has a number of its own: one whose answer is lost may have happened.
        lease.closeClaim(under.claim)
        const claim = lease.openClaim()
        under.registration = registration
        under.claim = claim
        const isSurvey = ask.isSurvey || now() < this.#specialUntil
        const total = reduced(ask.total, late)
        return this.#sent({ ...registration, ...ask, total, claim, tasks, isSurvey, told: this.#toldIn(ask) })
      },
      {
        isTransient,
        onRetry: (error, attempt) => {
          late = isLate(error) ? late + 1 : 0
          onWeather(error, attempt)
        },
        signal: this.#stopping.signal,
      },
    )
  }

  /** With marks, unless jobs are left alone for their flags: others come to be allowed without our hearing of it. */
  async #sent(request: ClaimRequest): Promise<Claimed> {
    const { store, now } = this.#options
    if (request.forbiddenFlags !== undefined && request.forbiddenFlags.length > 0)
      return store.claimJobs(request)
    const marked = this.#marks.forClaim()
    try {
      const { marks, horizon } = marked
      const shares = marks.places.length > 0 && now() < this.#crowdedUntil
      const claimed = await store.claimJobs({ ...request, marks, horizon: shares ? horizon : undefined })
      if (claimed.hadNoTurn === true) this.#crowdedUntil = now() + CROWDED_FOR
      if (claimed.hadNoTurn === true || claimed.wasTold === true) return claimed
      this.#marks.answered(marked, claimed.end)
      if (claimed.wasSpecial === true) this.#specialUntil = now() + SPECIAL_FOR
      return claimed
    } catch (error) {
      // Where it was rolled back, the other claim on its way may have passed what it had locked.
      this.#marks.forget()
      throw error
    }
  }

  /** The only job that is ready, where that is known: others may have come to be allowed without our hearing of it. */
  #toldIn({ lanes: [first, ...others] }: Ask): ToldJob | undefined {
    if (typeof this.#options.forbiddenFlags === 'function') return undefined
    return others.length === 0 ? first?.asked.told : undefined
  }

  #failed(why: unknown, registration: Registration | undefined): void {
    const onWeather = (reason: unknown): void => this.#options.onWeather(reason, 1)
    // Not waited for: starting anew may take as long as the database likes, and we may be told to stop meanwhile.
    if (isLeaseLost(why)) this.#options.lease.lost(registration).catch(onWeather)
    else onWeather(why)
  }

  #lanesOf(queue?: number): Iterable<Lane> {
    const { lanes } = this.#options
    if (isShared(lanes)) return [lanes]
    if (queue === undefined) return lanes.values()
    const lane = lanes.get(queue)
    return lane === undefined ? [] : [lane]
  }
}

function askEach(lanes: ReadonlyMap<number, Lane>, now: number): Ask | undefined {
  const queues = new Map<number, number>()
  const askedLanes: AskedLane[] = []
  let total = 0
  for (const [queue, lane] of lanes) {
    const asked = lane.ask(now)
    if (asked === undefined) continue
    queues.set(queue, asked.count)
    askedLanes.push({ lane, queue, asked })
    total += asked.count
  }
  if (total === 0) return undefined
  return { total, queues, isSurvey: askedLanes.some(({ asked }) => asked.isSurvey), lanes: askedLanes }
}

function answerEach({ lanes }: Ask, claimed: Claimed | undefined, now: number): void {
  const found = claimed?.dry === true ? countByQueue(claimed.jobs) : undefined
  for (const { lane, queue, asked } of lanes) {
    const isDry = found !== undefined && (queue === undefined || (found.get(queue) ?? 0) < asked.count)
    lane.answered(asked, isDry, now)
  }
}

function isLate(error: unknown): boolean {
  return error instanceof KongTaskError && error.code === 'KT_DEADLINE'
}

/** Jobs may be too large to come in time, so many at once: from the second late try on, half as many each time. */
function reduced(total: number, late: number): number {
  return late < 2 ? total : Math.max(1, Math.floor(total / 2 ** (late - 1)))
}

function countByQueue(jobs: readonly ClaimedJob[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const { queueId } of jobs) counts.set(queueId, (counts.get(queueId) ?? 0) + 1)
  return counts
}

function isShared(lanes: Lanes): lanes is Lane {
  return !(lanes instanceof Map)
}
