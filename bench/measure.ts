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

export interface Contestant {
  readonly system: string
  readonly version: string
  readonly config: string
  /** One run, in a fresh state; the warm-up is its own affair. */
  run(): Promise<number>
}

/** Runs all in turn, A B C A B C, so that a slow minute of the machine hits everybody. */
export async function inTurn(
  contestants: readonly Contestant[],
  rounds: number,
  metric: Pick<Row, 'metric' | 'unit'>,
  onRun: (contestant: Contestant, value: number, round: number) => void,
): Promise<Row[]> {
  const runs = contestants.map((): number[] => [])
  for (let round = 1; round <= rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      const value = await contestant.run()
      runs[index]?.push(value)
      onRun(contestant, value, round)
    }
  }
  return contestants.map(({ system, version, config }, index) => ({
    system,
    version,
    config,
    ...metric,
    ...summary(runs[index] ?? []),
  }))
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
