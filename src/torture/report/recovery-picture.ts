import type { ScenarioResult } from '../result.ts'
import { BOTTOM, LEFT, RIGHT, TOP, framed, place } from './frame.ts'
import { linear, ticks } from './scale.ts'

const BARS = 40

/** How long the jobs that were torn away took to start again; undefined where there were none. */
export function recoveryPicture({ name, course, recoveryMs }: ScenarioResult): string | undefined {
  const times = course.recoveries.map((ms) => ms / 1_000)
  if (times.length === 0) return undefined
  const xTicks = ticks(Math.max(0.1, times.at(-1) ?? 0), 8)
  const end = xTicks.at(-1) ?? 1
  const counts = Array.from({ length: BARS }, () => 0)
  for (const time of times) {
    const bar = Math.min(BARS - 1, Math.floor((time / end) * BARS))
    counts[bar] = (counts[bar] ?? 0) + 1
  }
  const yTicks = ticks(Math.max(1, ...counts), 4).filter(Number.isInteger)
  const x = linear([0, end], [LEFT, RIGHT])
  // With room above for what p50 and p99 are.
  const y = linear([0, Math.max(yTicks.at(-1) ?? 1, ...counts)], [BOTTOM, TOP + 28])
  const width = (RIGHT - LEFT) / BARS
  const bars = counts.map((count, bar) => {
    if (count === 0) return ''
    const top = y(count)
    return `<rect class="bar" x="${place(LEFT + bar * width + 1)}" y="${place(top)}" width="${place(width - 2)}" height="${place(BOTTOM - top)}"><title>${count} jobs</title></rect>`
  })
  const lines = [
    ['p50', recoveryMs.p50],
    ['p99', recoveryMs.p99],
  ] as const
  const marks = lines.map(([title, ms], row) => {
    if (ms === null) return ''
    const at = place(x(ms / 1_000))
    const isLeft = ms / 1_000 < end / 2
    return `<line class="level" x1="${at}" x2="${at}" y1="${TOP}" y2="${BOTTOM}"/><text class="note${isLeft ? '' : ' end'}" x="${place(x(ms / 1_000) + (isLeft ? 5 : -5))}" y="${TOP + 10 + row * 14}">${title} ${(ms / 1_000).toFixed(2)} s</text>`
  })
  return framed(
    `${name}: ${times.length} jobs by the seconds until their new start`,
    { x, y, xTicks, yTicks, xTitle: 'seconds from the injury to the new start', yTitle: 'jobs' },
    [...bars, ...marks].join('\n'),
  )
}
