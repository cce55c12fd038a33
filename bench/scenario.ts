import type { BenchServer } from './databases.ts'
import type { Contestant, Row } from './measure.ts'

/** Something that is measured of several systems. */
export interface Scenario {
  /** For the usage text: one line, or several. */
  readonly about: string
  readonly metric: Pick<Row, 'metric' | 'unit'>
  /** Whether bench/package.json's packages must be there. */
  readonly needsPeers: boolean
  prepare(server: BenchServer, quick: boolean): Promise<readonly Contestant[]>
  /** Which row the others of a config are shown as a multiple of. */
  isYardstickFor(yardstick: Row, row: Row): boolean
  readonly goals: readonly Goal[]
}

/** A promise about two rows of one run: their ratio is at least so much, or at most. */
export type Goal = {
  readonly name: string
  readonly of: RowName
  readonly to: RowName
} & (
  | { readonly least: number; readonly most?: undefined }
  | { readonly most: number; readonly least?: undefined }
)

export type RowName = Pick<Row, 'system' | 'config'>

export interface Judgement {
  readonly name: string
  readonly ratio: number
  /** Such as 'at least 0.80'. */
  readonly goal: string
  readonly isMet: boolean
}

/** What became of the goals; such as were not measured this time are left out. */
export function judge(goals: readonly Goal[], rows: readonly Row[]): Judgement[] {
  const median = ({ system, config }: RowName): number | undefined =>
    rows.find((row) => row.system === system && row.config === config)?.median
  return goals.flatMap(({ name, of, to, least, most }) => {
    const [measured, yardstick] = [median(of), median(to)]
    if (measured === undefined || yardstick === undefined) return []
    const ratio = measured / yardstick
    return least === undefined
      ? [{ name, ratio, goal: `at most ${most.toFixed(2)}`, isMet: ratio <= most }]
      : [{ name, ratio, goal: `at least ${least.toFixed(2)}`, isMet: ratio >= least }]
  })
}
