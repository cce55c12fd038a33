import { KongTaskError } from './errors.ts'
import { showValue } from './show-value.ts'

/**
 * What becomes of ticks that no process could fire in time: `all` fires each of them, `latest` only the newest, `none` drops
 * them.
 */
export type CatchUp = 'all' | 'latest' | 'none'

/** Milliseconds. A tick that is no older is on time: whatever `catchUp` says, it fires. */
export const GRACE = 60_000

/** A tick that is to fire. */
export interface DueTick {
  /** Milliseconds since 1970. */
  readonly at: number
  /** It was missed, and comes late. */
  readonly isCaughtUp: boolean
}

export interface DueSchedule {
  readonly catchUp: CatchUp
  /** Milliseconds: older ticks that were missed are dropped. */
  readonly within: number
  /** The first tick that nobody has dealt with. */
  readonly nextTick: number
  /** The first tick behind an instant. */
  readonly tickAfter: (instant: number) => number | undefined
}

/** What is to be done about a schedule at a time. */
export interface DuePlan {
  /** Oldest first. */
  readonly fire: readonly DueTick[]
  /** The next one to deal with, which may be due as well; undefined: none ever comes. */
  readonly following: number | undefined
}

/**
 * Which ticks fire now.
 *
 * @param now the database's time in milliseconds since 1970
 * @param most ticks in one go; what is left is due still
 */
export function planTicks(schedule: DueSchedule, now: number, most: number): DuePlan {
  const { catchUp, within, nextTick, tickAfter } = schedule
  const reach = catchUp === 'all' ? Math.max(within, GRACE) : GRACE
  const oldest = now - reach
  const fire: DueTick[] = []
  let at: number | undefined = nextTick >= oldest ? nextTick : tickAfter(oldest - 1)
  while (at !== undefined && at <= now && fire.length < most) {
    fire.push({ at, isCaughtUp: at < now - GRACE })
    at = tickAfter(at)
  }
  if (catchUp !== 'latest' || fire.length > 0 || nextTick > now) return { fire, following: at }
  const latest = latestTick(schedule, now)
  return { fire: latest === undefined ? [] : [{ at: latest, isCaughtUp: true }], following: at }
}

const WIDER = 8

/** Ticks are found forwards only: so in a short time before now, and in longer ones where there is none. */
function latestTick({ within, nextTick, tickAfter }: DueSchedule, now: number): number | undefined {
  const oldest = Math.max(nextTick, now - within)
  for (let reach = GRACE * WIDER; ; reach *= WIDER) {
    const from = Math.max(oldest, now - reach)
    let latest: number | undefined
    for (let at = tickAfter(from - 1); at !== undefined && at <= now; at = tickAfter(at)) latest = at
    if (latest !== undefined || from === oldest) return latest
  }
}

/** @throws KT_OPTION_INVALID */
export function checkCatchUp(value: unknown): CatchUp {
  if (value === 'all' || value === 'latest' || value === 'none') return value
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`catchUp\` must be 'all', 'latest' or 'none', not ${showValue(value)}.`,
  )
}
