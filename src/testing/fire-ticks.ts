import { performance } from 'node:perf_hooks'
import { KongTaskError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import { Scheduler } from '../maintenance/scheduler.ts'
import { Bell } from '../runtime/bell.ts'
import { Emitter } from '../runtime/emitter.ts'
import { isTransient } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'

/** Milliseconds between two looks whether ticks that are due have fired: a runner may have fired them, too. */
const LOOK = 20

/** Milliseconds until a schedule is to fire; Infinity where none ever is. */
export async function nextTickIn(store: Store): Promise<number> {
  return (await store.findChores()).nextTickIn ?? Infinity
}

/**
 * Adds the jobs of ticks that are due, and resolves when they are there.
 *
 * @throws KT_TEST_DRAIN where a schedule cannot fire
 */
export async function fireTicks(store: Store): Promise<void> {
  if ((await nextTickIn(store)) > 0) return
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
    store,
    events,
    isTransient,
    now: () => performance.now(),
    onWeather: fail,
  })
  await scheduler.start()
  try {
    while (failure === undefined && (await nextTickIn(store)) <= 0) await bell.sleep(LOOK)
  } finally {
    await scheduler.stop()
  }
  if (failure !== undefined) throw failure
}
