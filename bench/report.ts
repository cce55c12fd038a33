import type { Row } from './measure.ts'
import { judge, type Scenario } from './scenario.ts'

/** The rows for people, each beside the yardstick of its config, and what became of the goals. */
export function report(scenario: Scenario, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ system }) => system.length))
  const configWidth = Math.max(...rows.map(({ config }) => config.length))
  const lines = rows.map((row) => {
    const { system, config, median, min, max } = row
    const yardstick = rows.find((candidate) => scenario.isYardstickFor(candidate, row))
    const figures = `${shown(median).padStart(9)}  (${shown(min)} – ${shown(max)})`
    return `  ${config.padEnd(configWidth)}  ${system.padEnd(width)}  ${figures.padEnd(32)}  ${beside(median, yardstick)}`
  })
  const goals = judge(scenario.goals, rows).map(
    ({ name, ratio, goal, isMet }) =>
      `  ${isMet ? 'pass' : 'FAIL'}  ${name}: ${ratio.toFixed(2)} (goal: ${goal})`,
  )
  return [...lines, ...(goals.length === 0 ? [] : ['', 'Goals', ...goals])].join('\n')
}

function beside(median: number, yardstick: Row | undefined): string {
  if (yardstick === undefined) return ''
  const ratio = median / yardstick.median
  return `${ratio.toFixed(2)} × ${yardstick.system}`
}

export function shown(value: number): string {
  // Milliseconds may be few.
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
}
