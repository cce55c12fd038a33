// One scenario from its first job to the audit: the calm before, the injuries, the recovery, the calm behind, the end of
// all jobs.
import { Crew } from './crew.ts'
import type { Dice } from './dice.ts'
import { Feeder } from './feeder.ts'
import type { Ground } from './ground.ts'
import { Injuries } from './injuries.ts'
import { LeaseWatch } from './lease-watch.ts'
import { judge, type Phases } from './judge.ts'
import type { Span } from './measure.ts'
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
  const { scenario, number, dice, lease, workers, target, ground, signal } = options
  const { names } = ground
  const watch = new LeaseWatch(ground)
  const parts: Parts = {
    injuries: new Injuries(ground, number),
    feeder: new Feeder({ ground, scenario: number, dice: dice.fork(), workers }),
    crew: new Crew({
      target,
      names,
      lease,
      isProxied: scenario.isProxied === true,
      firstProcess: number * MOST_PROCESSES,
      signal,
    }),
    over: new AbortController(),
    errors: [],
    isSeen: false,
  }
  const { crew, feeder, injuries, errors } = parts
  try {
    watch.start()
    const phases = await perform(options, parts)
    await watch.stop()
    await crew.dismiss()
    const result = await judge((text, values) => ground.query(text, values), {
      name: scenario.name,
      number,
      names,
      phases,
      watch,
      injuries: injuries.all,
      longestRecovery: scenario.longestRecovery?.({ lease, isSeen: parts.isSeen }) ?? null,
      mayBury: scenario.takesProcesses === true,
    })
    const deaths = crew.deaths.map((why) => `A worker process ended by itself: ${why}`)
    return { ...result, errors: [...errors, ...deaths, ...result.errors] }
  } finally {
    parts.over.abort()
    await crew.dismiss()
    await Promise.allSettled([feeder.stop(), watch.stop()])
  }
}

interface Parts {
  readonly crew: Crew
  readonly feeder: Feeder
  readonly injuries: Injuries
  /** Ends the injuries. */
  readonly over: AbortController
  readonly errors: string[]
  /** Every process has a session by which others see when it dies. */
  isSeen: boolean
}

async function perform(options: ScenarioOptions, parts: Parts): Promise<Phases> {
  const { scenario, share, lease, workers, ground, signal, say } = options
  const { crew, feeder, injuries, over, errors } = parts
  const begun = performance.now()
  say('starting')
  await Promise.all([feeder.start(), crew.hireMany(workers)])
  await rest(WARM_UP, signal)

  const calm = Math.min(LONGEST_CALM, Math.max(SHORTEST_CALM, share * 0.17))
  say('calm')
  const before = await span(ground, () => rest(calm, signal))
  parts.isSeen = await areAllSeen(ground)

  say('injuries')
  // What is left over when everybody has recovered, another calm has passed, and the last jobs have come to their end. Where
  // only the end of a lease heals, it takes longer than its share.
  const left = share - (performance.now() - begun) - calm - Math.min(lease, 4_000) - 1_500
  const timer = setTimeout(() => over.abort(), Math.max(SHORTEST_INJURIES, left))
  const during = await span(ground, async () => {
    try {
      await scenario.injure(createStage(options, parts))
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
  return { before, during, after }
}

function createStage(options: ScenarioOptions, parts: Parts): Stage {
  const { ground, lease, target, signal } = options
  const { crew, feeder, injuries, over, errors } = parts
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

async function areAllSeen(ground: Ground): Promise<boolean> {
  const [row] = await ground.query<{ seen: boolean }>(
    `select coalesce(bool_and(session is not null), false) as seen from ${ground.names.kong}.workers`,
  )
  return row?.seen === true
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
