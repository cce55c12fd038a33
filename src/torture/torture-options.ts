import { parsePositiveDuration } from '../core/duration.ts'
import { KongTaskError } from '../core/errors.ts'
import { suggestion } from '../core/near-miss.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import type { Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

/** What a run is to do. */
export interface TortureOptions {
  /** Names of scenarios. @default all of them */
  readonly scenarios?: readonly string[] | undefined
  /** Shared among the scenarios: milliseconds, or text such as `'2m'`. At least 1 s. @default 2 m */
  readonly duration?: unknown
  /** Decides everything that is random. 0 to 2^32 - 1. @default one of its own */
  readonly seed?: unknown
  /** Of the workers' leases: milliseconds, or text. 1 to 60 s. @default 15 s, as that of a runner */
  readonly lease?: unknown
  /** Worker processes, 2 to 32. @default 4 */
  readonly workers?: unknown
  /** The database to work in, in schemas of the run's own. @default a server of its own, which is gone behind it */
  readonly connectionString?: unknown
}

/** The options, checked; durations in milliseconds. */
export interface TortureConfig {
  readonly scenarios: readonly Scenario[]
  readonly duration: number
  readonly seed: number
  readonly lease: number
  readonly workers: number
  readonly connectionString: string | undefined
}

const KNOWN: ReadonlySet<string> = new Set([
  'scenarios',
  'duration',
  'seed',
  'lease',
  'workers',
  'connectionString',
])
const MOST_SEEDS = 2 ** 32
const SHORTEST_DURATION = 1_000
const SHORTEST_LEASE = 1_000
const LONGEST_LEASE = 60_000

/** @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN, KT_DURATION_INVALID */
export function readTortureOptions(options: TortureOptions): TortureConfig {
  const given = readOptions(options, KNOWN, 'torture')
  const { duration = '2m', lease = '15s', workers = 4, seed = Math.floor(Math.random() * MOST_SEEDS) } = given
  return {
    scenarios: readScenarios(options.scenarios),
    duration: within(parsePositiveDuration(duration, 'duration'), 'duration', SHORTEST_DURATION, Infinity),
    seed: checkInteger(seed, 'seed', 0, MOST_SEEDS - 1),
    lease: within(parsePositiveDuration(lease, 'lease'), 'lease', SHORTEST_LEASE, LONGEST_LEASE),
    workers: checkInteger(workers, 'workers', 2, 32),
    connectionString: readConnectionString(given['connectionString']),
  }
}

function readScenarios(names: readonly string[] = []): readonly Scenario[] {
  const all = SCENARIOS.map(({ name }): string => name)
  for (const name of names) {
    if (all.includes(name)) continue
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `There is no scenario ${showValue(name)}.${suggestion(name, all)} Scenarios: ${all.join(', ')}.`,
    )
  }
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name))
}

function within(ms: number, option: string, least: number, most: number): number {
  if (ms >= least && ms <= most) return ms
  const range =
    most === Infinity ? `at least ${least / 1_000} s` : `from ${least / 1_000} to ${most / 1_000} s`
  throw new KongTaskError('KT_OPTION_INVALID', `\`${option}\` must be ${range}, not ${ms / 1_000} s.`)
}

function readConnectionString(value: unknown): string | undefined {
  if (value === undefined) return undefined
  // Not shown: it holds a password.
  if (typeof value === 'string' && /^postgres(ql)?:\/\//i.test(value)) return value
  throw new KongTaskError(
    'KT_CONNECTION_INVALID',
    'The database must be given as postgres://user:password@host:5432/database.',
  )
}
