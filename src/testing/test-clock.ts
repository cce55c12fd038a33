import { parseDuration, type Duration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { parseInstant } from '../core/instant.ts'
import { fireTicks } from './fire-ticks.ts'
import type { KitDatabase } from './kit-database.ts'
import { hideTimeOf, showTimeOf, wallTime, type Ahead } from './moved-date.ts'

/** The time that jobs live by, and `Date`: it runs on as ever, and jumps ahead when told. */
export interface TestClock {
  /** What time it is for jobs; on a server, by its clock. */
  now(): Date
  /**
   * Moves time ahead: what falls due meanwhile (retries, scheduled jobs) is due, windows of uniqueness are over, schedules
   * have added their jobs, each tick at its time. `Date` follows. Runs nothing: `drain()` does.
   *
   * @throws KT_DURATION_INVALID, KT_TEST_DRAIN where that are more than 10,000 ticks
   * @example
   * await kong.clock.advance('3d')
   */
  advance(by: Duration): Promise<Date>
  /** The same to a certain time. @throws KT_OPTION_INVALID where that is over */
  advanceTo(time: Date | string): Promise<Date>
}

/** Schedules that fire on the way of one move. */
const MOST_TICKS = 10_000

type ClockDatabase = Pick<KitDatabase, 'moveClock' | 'nextTickIn' | 'skew' | 'store'>

export class KitClock implements TestClock, Ahead {
  readonly #database: ClockDatabase
  #ahead = 0

  constructor(database: ClockDatabase) {
    this.#database = database
  }

  get ahead(): number {
    return this.#ahead
  }

  now(): Date {
    return new Date(wallTime() + this.#database.skew + this.#ahead)
  }

  async advance(by: Duration): Promise<Date> {
    return this.advanceBy(parseDuration(by, 'advance'))
  }

  /** Milliseconds; parts of one count as one. */
  advanceBy(by: number): Promise<Date> {
    return this.#goTo(this.#ahead + Math.ceil(by))
  }

  async advanceTo(time: Date | string): Promise<Date> {
    const at = new Date(parseInstant(time, 'advanceTo')).getTime()
    const by = at - this.now().getTime()
    if (by >= 0) return this.advanceBy(by)
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `clock.advanceTo: ${new Date(at).toISOString()} is over; it is ${this.now().toISOString()}. Time does not go back; \`reset()\` begins anew.`,
    )
  }

  /** Back to the time of the wall; for a database without jobs. */
  async reset(): Promise<void> {
    this.hide()
    if (this.#ahead === 0) return
    await this.#database.moveClock(0)
    this.#ahead = 0
  }

  /** `Date` is that of the wall again. */
  hide(): void {
    hideTimeOf(this)
  }

  /** From tick to tick, as a schedule fires none that it is late for. */
  async #goTo(end: number): Promise<Date> {
    for (let ticks = 0; ticks < MOST_TICKS; ticks++) {
      const tick = this.#ahead + Math.max(0, await this.#database.nextTickIn()) + 1
      if (tick > end) return this.#jump(end)
      await this.#jump(tick)
      await fireTicks(this.#database)
    }
    throw new KongTaskError(
      'KT_TEST_DRAIN',
      `There are more than ${MOST_TICKS} ticks of schedules on the way; it is ${this.now().toISOString()}. Move time by less, or pause the schedule.`,
    )
  }

  async #jump(ahead: number): Promise<Date> {
    await this.#database.moveClock(ahead)
    this.#ahead = ahead
    showTimeOf(this)
    return this.now()
  }
}
