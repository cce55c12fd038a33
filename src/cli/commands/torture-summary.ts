import type { ScenarioResult, TortureResult } from '../../torture/torture.ts'
import type { Terminal } from '../terminal.ts'

const HEADINGS = [
  'scenario',
  'jobs',
  'lost',
  'twice',
  'buried',
  'injuries',
  'recovery p50',
  'p99',
  'max',
  'jobs/s before',
  'during',
  'after',
  'leases/limit',
] as const

/** The result as lines for people. */
export function describeResult(
  { seed, ok, postgres, lease, scenarios, leftOut }: TortureResult,
  report: string | undefined,
  terminal: Terminal,
): string[] {
  const rows = scenarios.map(cellsOf)
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
  const complaints = scenarios.flatMap(({ name, errors }) => errors.map((error) => `  ${name}: ${error}`))
  return [
    `seed ${seed}, PostgreSQL ${postgres}, leases of ${lease / 1_000} s${lease === 15_000 ? '' : ' (those of a runner last 15 s unless it says otherwise)'}`,
    '',
    terminal.paint('bold', line(HEADINGS)),
    ...rows.map((cells, row) => (isWell(scenarios[row]) ? line(cells) : terminal.paint('red', line(cells)))),
    '',
    ...leftOut.map(({ name, why }) => `Left out: ${name}, because ${why}.`),
    ...complaints.map((complaint) => terminal.paint('red', complaint)),
    verdict(ok, scenarios, terminal),
    ...(report === undefined ? [] : [`Report: ${report}`]),
  ]
}

function cellsOf(scenario: ScenarioResult): string[] {
  const { name, jobs, lost, doubleCommitted, buried, injuries, recoveryMs, limit } = scenario
  return [
    name,
    `${jobs}`,
    `${lost}`,
    `${doubleCommitted}`,
    `${buried}`,
    `${injuries}`,
    seconds(recoveryMs.p50),
    seconds(recoveryMs.p99),
    seconds(recoveryMs.max),
    rate(scenario.rateBefore),
    rate(scenario.rateDuring),
    rate(scenario.rateAfter),
    `${limit.leases}/${limit.limit}`,
  ]
}

function verdict(ok: boolean, scenarios: readonly ScenarioResult[], terminal: Terminal): string {
  if (scenarios.length === 0) return 'Nothing was run.'
  return ok
    ? terminal.paint('green', 'Nothing was lost, nothing was done twice, and no limit was exceeded.')
    : terminal.paint(
        ['red', 'bold'],
        'Something did not hold. The seed above brings about the same injuries again.',
      )
}

function isWell(scenario: ScenarioResult | undefined): boolean {
  return scenario?.lost === 0 && scenario.doubleCommitted === 0 && scenario.errors.length === 0
}

function seconds(ms: number | null): string {
  return ms === null ? '-' : `${(ms / 1_000).toFixed(2)} s`
}

function rate(perSecond: number | null): string {
  return perSecond === null ? '-' : perSecond.toFixed(0)
}
