// Fires what is due of the schedules. Every process does, at the same moment; which of them it was that fired a tick is for
// the database to say, and so is what time it is. Here a timer runs, on a clock that only counts.
import { ticksOf } from '../calendar/schedule-ticks.ts'
import { planTicks } from '../core/catch-up.ts'
import type { Events } from '../core/events.ts'
import { Bell } from '../runtime/bell.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Service } from '../runtime/service.ts'
import type { DueRow } from '../store/schedules.ts'
import type { Store } from '../store/store.ts'

/** Schedules in one look, and ticks of one in one transaction. */
const MOST_SCHEDULES = 50
const MOST_TICKS = 100
/**
 * Milliseconds until the next try: where somebody else is at what is due, after a failure of the database's, and of a schedule
 * of its own. The longest is shorter than a tick is on time (GRACE), so that one which can fire again has lost none by it.
 */
const BUSY_PAUSE = 100
const WEATHER_PAUSE = 1_000
const FAILURE_PAUSE = { first: 5_000, longest: 40_000 }

export interface SchedulerOptions {
  readonly store: Pick<Store, 'dueSchedules' | 'fireSchedule'>
  readonly events: Emitter<Events>
  /** Told of what the database refuses; the look is repeated. */
  readonly onWeather: (error: unknown) => void
  /** Whether it may work another time, so that the schedule is not to blame. */
  readonly isTransient: (error: unknown) => boolean
  /** Monotonic milliseconds. */
  readonly now: () => number
}

interface Failure {
  /** Of the schedule that failed: another may do better. */
  readonly revision: string
  readonly retryAt: number
  readonly pause: number
}

/** What came of one schedule. */
interface Fired {
  readonly ticks: number
  /** Milliseconds from the look until it is to be looked at again. */
  readonly next: number
}

export class Scheduler implements Service {
  readonly #options: SchedulerOptions
  readonly #bell = new Bell()
  readonly #failures = new Map<string, Failure>()
  #lookAt = Infinity
  #isStopping = false
  #loop: Promise<void> | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.expect(0)
    this.#loop ??= this.#run()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#bell.ring()
    await this.#loop
  }

  /** A tick comes in so many milliseconds. */
  expect(ms: number): void {
    const at = this.#options.now() + Math.max(0, ms)
    if (at >= this.#lookAt) return
    this.#lookAt = at
    this.#bell.ring()
  }

  async #run(): Promise<void> {
    const { now, onWeather } = this.#options
    while (!this.#isStopping) {
      const wait = this.#lookAt - now()
      if (wait > 0) {
        await this.#bell.sleep(wait)
        continue
      }
      this.#lookAt = Infinity
      try {
        this.expect(await this.#look())
      } catch (error) {
        onWeather(error)
        this.expect(WEATHER_PAUSE)
      }
    }
  }

  /** Milliseconds until the next look. */
  async #look(): Promise<number> {
    const { store, onWeather, isTransient, now: clock } = this.#options
    const resting = [...this.#failures].filter(([, { retryAt }]) => retryAt > clock())
    const {
      due,
      now,
      nextIn = Infinity,
    } = await store.dueSchedules(
      MOST_SCHEDULES,
      resting.map(([name, { revision }]) => `${name} ${revision}`),
    )
    const seenAt = clock()
    // A millisecond late rather than early: then there would be nothing to do.
    let next = nextIn + 1
    for (const [, { retryAt }] of resting) next = Math.min(next, retryAt - seenAt)
    let ticks = 0
    let hasWeather = false
    for (const schedule of due) {
      if (this.#isStopping) break
      try {
        const fired = await this.#fire(schedule, now)
        ticks += fired.ticks
        next = Math.min(next, fired.next)
      } catch (error) {
        if (!isTransient(error)) {
          next = Math.min(next, this.#failed(schedule, error))
          continue
        }
        // What keeps one of them may be a lock that the others do not need.
        if (!hasWeather) onWeather(error)
        hasWeather = true
      }
    }
    if (hasWeather) return WEATHER_PAUSE
    if (due.length === MOST_SCHEDULES) return ticks > 0 ? 0 : BUSY_PAUSE
    return Math.max(0, next - (clock() - seenAt))
  }

  async #fire(schedule: DueRow, now: Date): Promise<Fired> {
    const { store, events } = this.#options
    const { name, revision, nextTick: from } = schedule
    const plan = planTicks(
      { ...schedule, nextTick: from.getTime(), tickAfter: ticksOf(schedule) },
      now.getTime(),
      MOST_TICKS,
    )
    const fired = await store.fireSchedule({
      name,
      revision,
      from,
      ticks: plan.fire.map(({ at, isCaughtUp }) => ({ at: new Date(at), isCaughtUp })),
      following: plan.following === undefined ? undefined : new Date(plan.following),
    })
    this.#failures.delete(name)
    for (const { tick, isCaughtUp, job } of fired) {
      events.emit('schedule.fired', { schedule: name, tick, isCaughtUp, job })
    }
    const next = plan.following === undefined ? Infinity : plan.following - now.getTime() + 1
    // More of it is due, and it is somebody else who fires it.
    const isElsewhere = next <= 0 && fired.length === 0
    return { ticks: fired.length, next: isElsewhere ? BUSY_PAUSE : next }
  }

  /** It is this schedule's own trouble: the others go on. Milliseconds until it is tried again. */
  #failed({ name, revision }: DueRow, error: unknown): number {
    const { events, now } = this.#options
    const before = this.#failures.get(name)
    const pause =
      before?.revision === revision ? Math.min(before.pause * 2, FAILURE_PAUSE.longest) : FAILURE_PAUSE.first
    this.#failures.set(name, { revision, retryAt: now() + pause, pause })
    events.emit('schedule.failed', { schedule: name, error, retryIn: pause })
    return pause
  }
}
