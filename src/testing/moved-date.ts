// JavaScript's time, moved along with that of the database: `Date` says what the kit's clock says. Handlers have the time of
// the kit that runs them; everything else has that of the kit that moved its clock last.
import { AsyncLocalStorage } from 'node:async_hooks'

/** Something whose time is not that of the wall. */
export interface Ahead {
  /** Milliseconds. */
  readonly ahead: number
}

const running = new AsyncLocalStorage<Ahead>()
const moved: Ahead[] = []
let real: DateConstructor | undefined
let shown: DateConstructor | undefined

/** The clock on the wall, whatever `Date` says. Milliseconds since 1970. */
export function wallTime(): number {
  return (real ?? Date).now()
}

/** What `work` and all that comes of it see is the time of this clock. */
export function atTimeOf<T>(clock: Ahead, work: () => T): T {
  return running.run(clock, work)
}

/** From now on its time is that of this process. */
export function showTimeOf(clock: Ahead): void {
  forget(clock)
  moved.push(clock)
  if (shown !== undefined) return
  real = Date
  shown = movedDate(real)
  globalThis.Date = shown
}

export function hideTimeOf(clock: Ahead): void {
  forget(clock)
  if (moved.length > 0 || real === undefined) return
  // Somebody else may have put another one in its place meanwhile, such as a test's fake timers.
  if (globalThis.Date === shown) globalThis.Date = real
  real = undefined
  shown = undefined
}

function forget(clock: Ahead): void {
  const at = moved.indexOf(clock)
  if (at >= 0) moved.splice(at, 1)
}

function movedDate(base: DateConstructor): DateConstructor {
  const now = (): number => base.now() + (running.getStore() ?? moved.at(-1) ?? { ahead: 0 }).ahead
  const handler: ProxyHandler<DateConstructor> = {
    get: (target, key): unknown => (key === 'now' ? now : Reflect.get(target, key)),
    apply: () => new base(now()).toString(),
    construct: (target, args: unknown[], as): Date => {
      const made: unknown = Reflect.construct(target, args.length === 0 ? [now()] : args, as)
      return made instanceof base ? made : new base(Number.NaN)
    },
  }
  return new Proxy(base, handler)
}
