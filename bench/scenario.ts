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

/** A promise about two rows of one run. */
export interface Goal {
  readonly name: string
  readonly of: RowName
  readonly to: RowName
  /** The ratio that is promised at least. */
  readonly least: number
}

export type RowName = Pick<Row, 'system' | 'config'>

export interface Judgement {
  readonly name: string
  readonly ratio: number
  readonly least: number
  readonly isMet: boolean
}

/** What became of the goals; such as were not measured this time are left out. */
export function judge(goals: readonly Goal[], rows: readonly Row[]): Judgement[] {
  const median = ({ system, config }: RowName): number | undefined =>
    rows.find((row) => row.system === system && row.config === config)?.median
  return goals.flatMap(({ name, of, to, least }) => {
    const [measured, yardstick] = [median(of), median(to)]
    if (measured === undefined || yardstick === undefined) return []
    const ratio = measured / yardstick
    return [{ name, ratio, least, isMet: ratio >= least }]
  })
}
