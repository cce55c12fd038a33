// One scenario from its first job to the audit: the calm before, the injuries, the recovery, the calm behind, the end of
// all jobs.
import { audit, type Ask } from './audit.ts'
import { Crew } from './crew.ts'
import type { Dice } from './dice.ts'
import { Feeder } from './feeder.ts'
import type { Ground } from './ground.ts'
import { Injuries } from './injuries.ts'
import { LeaseWatch } from './lease-watch.ts'
import { LIMIT, LIMITED } from './load.ts'
import { effectsOverTime, rateWithin, recoveries, type Span } from './measure.ts'
import { percentile } from './percentile.ts'
import type { ScenarioResult } from './result.ts'
import type { Scenario, Stage } from './scenario.ts'
import type { Target } from './target.ts'
import { rest, until } from './until.ts'

export interface ScenarioOptions {
  readonly scenario: Scenario
  /** Tells its jobs from those of others. */
  readonly number: number
  /** Milliseconds that it should take. */
  readonly share: number
  readonly dice: Dice
  readonly lease: number
  /** Worker processes. */
  readonly workers: number
  readonly target: Target
  readonly ground: Ground
  readonly signal: AbortSignal
  /** What is going on, in a few words. */
  readonly say: (what: string) => void
}

/** Milliseconds that the engines and the pools get to warm up. */
const WARM_UP = 600
/** Milliseconds of each calm, at least and at most. */
const SHORTEST_CALM = 500
const LONGEST_CALM = 10_000
const SHORTEST_INJURIES = 1_000
/** Milliseconds in which everybody must be back at work. */
const LONGEST_RECOVERY = 60_000
/** Milliseconds in which at least one of the jobs that are left must end, behind it all. */
const LONGEST_STALL = 30_000
/** Processes of one scenario sign with other numbers than those of another. */
const MOST_PROCESSES = 10_000

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { scenario, number, share, dice, lease, target, ground, signal, say } = options
  const { names } = ground
  const ask: Ask = (text, values) => ground.query(text, values)
  const errors: string[] = []
  const injuries = new Injuries(ground, number)
  const feeder = new Feeder({ ground, scenario: number, dice: dice.fork(), workers: options.workers })
  const watch = new LeaseWatch(ground)
  const crew = new Crew({
    target,
    names,
    lease,
    isProxied: scenario.isProxied === true,
    firstProcess: number * MOST_PROCESSES,
    signal,
  })
  const over = new AbortController()
  const begun = performance.now()
  try {
    say('starting')
    watch.start()
    await Promise.all([feeder.start(), crew.hireMany(options.workers)])
    await rest(WARM_UP, signal)

    const calm = Math.min(LONGEST_CALM, Math.max(SHORTEST_CALM, share * 0.17))
    say('calm')
    const before = await span(ground, () => rest(calm, signal))

    say('injuries')
    // What is left over when everybody has recovered, another calm has passed, and the last jobs have come to their end.
    const left = share - (performance.now() - begun) - calm - lease - 1_500
    const timer = setTimeout(() => over.abort(), Math.max(SHORTEST_INJURIES, left))
    const stage = createStage({ ...options, crew, feeder, injuries, over, errors })
    const during = await span(ground, async () => {
      try {
        await scenario.injure(stage)
      } finally {
        clearTimeout(timer)
        over.abort()
      }
      signal.throwIfAborted()
      say('recovery')
      if (!(await until(() => hasRecovered(ground, crew, injuries), { within: LONGEST_RECOVERY, signal })))
        errors.push(`Not everybody was back at work after ${LONGEST_RECOVERY / 1_000} s.`)
      await rest(WARM_UP, signal)
    })

    say('calm again')
    const after = await span(ground, () => rest(calm, signal))

    say('the end of all jobs')
    await feeder.stop()
    if (!(await drained(ground, signal)))
      errors.push(`In ${LONGEST_STALL / 1_000} s none of the jobs that were left has ended.`)
    await watch.stop()
    await crew.dismiss()

    const found = await audit(ask, { names, scenario: number, limitedQueue: LIMITED, limit: LIMIT })
    const times = await recoveries(ask, names, number)
    const rate = (within: Span): Promise<number | null> => rateWithin(ask, names, number, within)
    const since = (at: Date): number => at.getTime() - before.from.getTime()
    const bounds = ({ from, to }: Span): readonly [number, number] => [since(from), since(to)]
    return {
      name: scenario.name,
      jobs: found.jobs,
      lost: found.lost.length,
      doubleCommitted: found.doubled.length,
      recoveryMs: {
        p50: rounded(percentile(times, 0.5)),
        p99: rounded(percentile(times, 0.99)),
        max: rounded(percentile(times, 1)),
      },
      recovered: times.length,
      injuries: injuries.all.length,
      rateBefore: rounded(await rate(before), 1),
      rateDuring: rounded(await rate(during), 1),
      rateAfter: rounded(await rate(after), 1),
      limit: { limit: LIMIT, leases: watch.most, looks: watch.looks, atOnce: found.mostAtOnce },
      errors: [
        ...errors,
        ...watch.violations,
        ...found.findings,
        ...crew.deaths.map((why) => `A worker process ended by itself: ${why}`),
      ],
      course: {
        effects: await effectsOverTime(ask, names, number, before.from),
        injuries: injuries.all.map(({ what, at }) => ({ what, at: since(at) })),
        before: bounds(before),
        during: bounds(during),
        after: bounds(after),
        recoveries: times,
      },
    }
  } finally {
    over.abort()
    await crew.dismiss()
    await Promise.allSettled([feeder.stop(), watch.stop()])
  }
}

interface StageOptions extends ScenarioOptions {
  readonly crew: Crew
  readonly feeder: Feeder
  readonly injuries: Injuries
  readonly over: AbortController
  readonly errors: string[]
}

function createStage(options: StageOptions): Stage {
  const { crew, feeder, ground, injuries, lease, target, over, signal, errors } = options
  // Who completed in a transaction that is open keeps his job for as long as that may idle.
  const longest = 3 * Math.max(lease, 5_000) + LONGEST_RECOVERY
  const isOver = AbortSignal.any([over.signal, signal])
  return {
    dice: options.dice,
    crew,
    feeder,
    ground,
    injuries,
    lease,
    restart: target.restart,
    over: isOver,
    signal,
    rest: (ms) => rest(ms, isOver),
    untilTakenOver: async (injury) => {
      const isTakenOver = async (): Promise<boolean> => (await injuries.stillHeld(injury)) === 0
      // Until its lease is over it is not to come back, even where it held nothing.
      await rest(lease, signal)
      if (!(await until(isTakenOver, { within: longest, signal })))
        errors.push(`The jobs of the process that was ${injury.what} were not taken over.`)
    },
    victim: (dice = options.dice) => {
      const { working, members } = crew
      return working.length * 2 > members.length + 1 ? dice.of(working) : undefined
    },
    complain: (what) => void errors.push(what),
  }
}

async function span(ground: Ground, work: () => Promise<void>): Promise<Span> {
  const from = ground.now()
  await work()
  return { from, to: ground.now() }
}

/** All that was torn away has begun again, and every process has started a job within the last moment. */
async function hasRecovered(ground: Ground, crew: Crew, injuries: Injuries): Promise<boolean> {
  if (!crew.isComplete || (await injuries.waiting()) > 0) return false
  const [row] = await ground.query<{ processes: number }>(
    `select count(distinct process)::int4 as processes from ${ground.names.record}.starts
      where at > clock_timestamp() - interval '500 ms' and process = any($1::int4[])`,
    [crew.members.map(({ process }) => process)],
  )
  return row?.processes === crew.members.length
}

/** False where nothing gets done any more. */
async function drained(ground: Ground, signal: AbortSignal): Promise<boolean> {
  const live = async (): Promise<number> => {
    const [row] = await ground.query<{ jobs: number }>(
      `select count(*)::int4 as jobs from ${ground.names.kong}.jobs`,
    )
    return row?.jobs ?? 0
  }
  for (let left = await live(); left > 0;) {
    let now = left
    const isLess = async (): Promise<boolean> => {
      now = await live()
      return now < left
    }
    if (!(await until(isLess, { within: LONGEST_STALL, signal }))) return false
    left = now
  }
  return true
}

function rounded(value: number | null, digits = 0): number | null {
  return value === null ? null : Number(value.toFixed(digits))
}
