import { performance } from 'node:perf_hooks'
import { KongTaskError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import { Scheduler } from '../maintenance/scheduler.ts'
import { Bell } from '../runtime/bell.ts'
import { Emitter } from '../runtime/emitter.ts'
import { isTransient } from '../store/sqlstate.ts'
import type { KitDatabase } from './kit-database.ts'

/** Milliseconds between two looks whether ticks that are due have fired: a runner may have fired them, too. */
const LOOK = 20

/**
 * Adds the jobs of ticks that are due, and resolves when they are there.
 *
 * @throws KT_TEST_DRAIN where a schedule cannot fire
 */
export async function fireTicks(database: Pick<KitDatabase, 'store' | 'nextTickIn'>): Promise<void> {
  if ((await database.nextTickIn()) > 0) return
  const bell = new Bell()
  let failure: unknown
  const fail = (error: unknown): void => {
    failure = error
    bell.ring()
  }
  const events = new Emitter<Events>(fail)
  events.on('schedule.fired', () => bell.ring())
  events.on('schedule.failed', ({ schedule, error }) => {
    fail(new KongTaskError('KT_TEST_DRAIN', `The schedule "${schedule}" cannot fire.`, { cause: error }))
  })
  const scheduler = new Scheduler({
    store: database.store,
    events,
    isTransient,
    now: () => performance.now(),
    onWeather: fail,
  })
  await scheduler.start()
  try {
    while (failure === undefined && (await database.nextTickIn()) <= 0) await bell.sleep(LOOK)
  } finally {
    await scheduler.stop()
  }
  if (failure !== undefined) throw failure
}
