// Front door: torments a system that works, and counts what came of it.
import { Dice } from './dice.ts'
import { Ground } from './ground.ts'
import { LIMIT, LIMITED } from './load.ts'
import type { LeftOut, ScenarioResult, TortureResult } from './result.ts'
import { runScenario } from './run-scenario.ts'
import type { Scenario, ScenarioName } from './scenario.ts'
import { namedTarget, throwawayTarget, type Target } from './target.ts'
import { readTortureOptions, type TortureOptions } from './torture-options.ts'

export type { TortureOptions } from './torture-options.ts'
export type { ScenarioResult, TortureResult } from './result.ts'

/** What is going on. */
export interface TortureProgress {
  readonly scenario: ScenarioName
  /** From 1. */
  readonly number: number
  readonly of: number
  /** In a few words. */
  readonly phase: string
}

export interface TortureWatching {
  /** Gives the run up; what it made is taken away first, and then it rejects with the signal's reason. */
  readonly signal: AbortSignal
  readonly onProgress?: (progress: TortureProgress) => void
  readonly onScenario?: (result: ScenarioResult) => void
  /** Of a database that somebody named: what could not be taken away in the end. */
  readonly onLeftBehind?: (schemas: readonly string[], why: string) => void
}

/** Milliseconds that dropping the schemas may take. */
const LONGEST_CLOSE = 15_000

/**
 * Runs the scenarios, one after the other, each with worker processes of its own.
 *
 * @throws KongTaskError where an option is wrong or there is no database; the signal's reason
 */
export async function torture(
  options: TortureOptions,
  {
    signal,
    onProgress = () => undefined,
    onScenario = () => undefined,
    onLeftBehind = () => undefined,
  }: TortureWatching,
): Promise<TortureResult> {
  const { scenarios: wanted, duration, seed, lease, workers, connectionString } = readTortureOptions(options)
  const target =
    connectionString === undefined ? await throwawayTarget(signal) : namedTarget(connectionString)
  let ground: Ground | undefined
  try {
    const ours = await Ground.open(target.connectionString)
    ground = ours
    const postgres = await prepare(ours)
    const reasons = wanted.map((scenario) => [scenario, whyNot(scenario, target)] as const)
    const chosen = reasons.filter(([, why]) => why === undefined).map(([scenario]) => scenario)
    const leftOut = reasons.flatMap(([{ name }, why]): LeftOut[] =>
      why === undefined ? [] : [{ name, why }],
    )

    // What each of them does depends on the seed and its name, not on which others are run.
    const scenarios: ScenarioResult[] = []
    for (const [index, scenario] of chosen.entries()) {
      signal.throwIfAborted()
      const result = await runScenario({
        scenario,
        number: index + 1,
        share: shareOf(scenario, chosen, duration),
        dice: new Dice(seed ^ hashOf(scenario.name)),
        lease,
        workers,
        target,
        ground: ours,
        signal,
        say: (phase) => onProgress({ scenario: scenario.name, number: index + 1, of: chosen.length, phase }),
      })
      scenarios.push(result)
      onScenario(result)
    }
    return { seed, ok: scenarios.every(isWell), postgres, lease, scenarios, leftOut }
  } finally {
    const problem = await problemOf(ground?.close())
    // A throwaway cluster takes everything with it.
    if (ground !== undefined && problem !== undefined && connectionString !== undefined)
      onLeftBehind(Object.values(ground.names), problem)
    await target.close()
  }
}

async function problemOf(closing: Promise<void> | undefined): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, LONGEST_CLOSE, `The database took longer than ${LONGEST_CLOSE / 1_000} s.`)
  })
  const closed = closing?.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  try {
    return await Promise.race([closed, late])
  } finally {
    clearTimeout(timer)
  }
}

async function prepare(ground: Ground): Promise<string> {
  await ground.kong.queues.limit(LIMITED, { concurrency: LIMIT })
  const [row] = await ground.query<{ version: string }>(`select current_setting('server_version') as version`)
  return row?.version.split(' ')[0] ?? ''
}

function isWell({ lost, doubleCommitted, errors }: ScenarioResult): boolean {
  return lost === 0 && doubleCommitted === 0 && errors.length === 0
}

function whyNot({ needs }: Scenario, { restart, address }: Target): string | undefined {
  if (needs === 'server' && restart === undefined)
    return 'it restarts the server, which is done to a throwaway cluster only'
  if (needs === 'proxy' && address === undefined)
    return 'no proxy can stand in front of this database: it is reached by a Unix socket, or its certificate is verified'
  return undefined
}

/** Everything together needs more time than one alone, and kills are to be many: each tears but a few jobs away. */
function shareOf(scenario: Scenario, chosen: readonly Scenario[], ms: number): number {
  const weight = ({ name }: Scenario): number => (name === 'all' || name === 'kill' ? 2 : 1)
  const weights = chosen.reduce((sum, one) => sum + weight(one), 0)
  return (ms * weight(scenario)) / weights
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return hash
}
