import type { BenchServer } from '../servers/databases.ts'
import type { Contestant, Row } from './measure.ts'

export interface PrepareOptions {
  /** A tenth of the work: to see that it works. */
  readonly quick: boolean
  /** Whether to measure the other systems, too. */
  readonly peers: boolean
}

/** Something that is measured of several systems. */
export interface Scenario {
  /** For the usage text: one line, or several. */
  readonly about: string
  /** Metric → unit, in the order in which they are shown. */
  readonly units: Readonly<Record<string, string>>
  /** Whether other systems are measured: always, since the numbers mean nothing without; with --peers; or never. */
  readonly peers: 'always' | 'asked' | 'never'
  prepare(server: BenchServer, options: PrepareOptions): Promise<readonly Contestant[]>
  /** Which row others of the same metric are shown as a multiple of. */
  isYardstickFor(yardstick: Row, row: Row): boolean
  readonly goals: readonly Goal[]
}

/** A promise about two rows of one run, by their medians: `of` is at least so many times `to`, or at most; or about one row alone. */
export type Goal = {
  readonly name: string
  readonly of: RowName
  /** Without it the row itself is judged, in its unit. */
  readonly to?: RowName | BestOf
  /** What a lower yardstick counts as, in its unit. */
  readonly floor?: number
} & (
  | { readonly least: number; readonly most?: undefined }
  | { readonly most: number; readonly least?: undefined }
)

/** `metric` may be left out where the scenario has but one. */
export interface RowName extends Pick<Row, 'system' | 'config'> {
  readonly metric?: string
}

/** The highest of these systems' rows, whatever their config; such as were not measured do not count. */
export interface BestOf {
  readonly bestOf: readonly string[]
  readonly metric?: string
}

export interface Judgement {
  readonly name: string
  readonly value: number
  /** Such as 'at least 0.80'. */
  readonly goal: string
  readonly isMet: boolean
}

/** What became of the goals; such as were not measured this time are left out. */
export function judge(goals: readonly Goal[], rows: readonly Row[]): Judgement[] {
  const medians = (name: RowName | BestOf): number[] =>
    rows.flatMap((row) => (isOf(row, name) ? [row.median] : []))
  const median = (name: RowName | BestOf): number | undefined =>
    'bestOf' in name ? highest(medians(name)) : medians(name)[0]
  return goals.flatMap(({ name, of, to, floor = 0, least, most }) => {
    const [measured, yardstick] = [median(of), to === undefined ? 1 : median(to)]
    if (measured === undefined || yardstick === undefined) return []
    const value = measured / Math.max(yardstick, floor)
    return least === undefined
      ? [{ name, value, goal: `at most ${most.toFixed(2)}`, isMet: value <= most }]
      : [{ name, value, goal: `at least ${least.toFixed(2)}`, isMet: value >= least }]
  })
}

function isOf({ system, config, metric }: Row, name: RowName | BestOf): boolean {
  if (name.metric !== undefined && name.metric !== metric) return false
  return 'bestOf' in name ? name.bestOf.includes(system) : name.system === system && name.config === config
}

function highest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values)
}
