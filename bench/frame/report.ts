import type { Results, Row } from './measure.ts'
import { judge, type Scenario } from './scenario.ts'

/** The rows for people, each beside the yardstick of its config and metric, and what became of the goals. */
export function report(scenario: Scenario, { rows, notes }: Results): string {
  const width = (of: keyof Row): number => Math.max(...rows.map((row) => String(row[of]).length))
  const [configs, systems, metrics] = [width('config'), width('system'), width('metric')]
  const isOneMetric = Object.keys(scenario.units).length === 1
  const lines = rows.map((row) => {
    const { system, config, metric, median, min, max } = row
    const yardstick = rows.find(
      (candidate) => candidate.metric === metric && scenario.isYardstickFor(candidate, row),
    )
    const figures = `${shown(median).padStart(9)}  (${shown(min)} – ${shown(max)})`
    return [
      ' ',
      config.padEnd(configs),
      system.padEnd(systems),
      ...(isOneMetric ? [] : [metric.padEnd(metrics)]),
      figures.padEnd(32),
      beside(median, yardstick),
    ].join('  ')
  })
  const goals = judge(scenario.goals, rows).map(
    ({ name, value, goal, isMet }) =>
      `  ${isMet ? 'pass' : 'FAIL'}  ${name}: ${value.toFixed(2)} (goal: ${goal})`,
  )
  const missing = notes.map(({ system, config, why }) => `  ${system} (${config}): ${why}`)
  return [
    ...lines,
    ...(goals.length === 0 ? [] : ['', 'Goals', ...goals]),
    ...(missing.length === 0 ? [] : ['', 'Not measured', ...missing]),
  ].join('\n')
}

function beside(median: number, yardstick: Row | undefined): string {
  if (yardstick === undefined) return ''
  const ratio = median / yardstick.median
  return `${ratio.toFixed(2)} × ${yardstick.system}`
}

export function shown(value: number): string {
  // Milliseconds may be few, shares of transactions fewer.
  if (value < 1) return value.toFixed(3)
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
}
