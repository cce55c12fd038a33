/** One system in one configuration, and what was measured of it, run by run. */
export interface Row {
  readonly system: string
  readonly version: string
  readonly config: string
  readonly metric: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: readonly number[]
}

/** What one run gave: metric → value. */
export type Measured = Readonly<Record<string, number>>

export interface Contestant {
  readonly system: string
  readonly version: string
  readonly config: string
  /** One run, in a fresh state; the warm-up is its own affair. */
  run(): Promise<Measured>
}

/** A contestant that could not run, or not to the end. */
export interface Note {
  readonly system: string
  readonly version: string
  readonly config: string
  readonly why: string
}

export interface Results {
  readonly rows: readonly Row[]
  readonly notes: readonly Note[]
}

export interface TurnOptions {
  readonly rounds: number
  /** Metric → unit. */
  readonly units: Readonly<Record<string, string>>
  /** Systems of others: what goes wrong with them is noted, and they are left out from then on. */
  readonly isPeer: (system: string) => boolean
  readonly onRun: (contestant: Contestant, measured: Measured, round: number) => void
}

/** Runs all in turn, A B C A B C, so that a slow minute of the machine hits everybody. */
export async function inTurn(contestants: readonly Contestant[], options: TurnOptions): Promise<Results> {
  const { rounds, units, isPeer, onRun } = options
  const runs = new Map(contestants.map((contestant) => [contestant, [] as Measured[]]))
  const notes: Note[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const [contestant, measured] of runs) {
      const { system, version, config } = contestant
      try {
        const values = await contestant.run()
        measured.push(values)
        onRun(contestant, values, round)
      } catch (error) {
        if (!isPeer(system)) throw error
        notes.push({ system, version, config, why: error instanceof Error ? error.message : String(error) })
        runs.delete(contestant)
      }
    }
  }
  return { rows: [...runs].flatMap(([contestant, measured]) => rowsOf(contestant, measured, units)), notes }
}

function rowsOf(
  { system, version, config }: Contestant,
  measured: readonly Measured[],
  units: Readonly<Record<string, string>>,
): Row[] {
  return Object.entries(units).flatMap(([metric, unit]) => {
    const values = measured.flatMap((run) => run[metric] ?? [])
    return values.length === 0 ? [] : [{ system, version, config, metric, unit, ...summary(values) }]
  })
}

function summary(values: readonly number[]): Pick<Row, 'median' | 'min' | 'max' | 'runs'> {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const lower = sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? Number.NaN
  return {
    median: (upper + lower) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    runs: values,
  }
}
