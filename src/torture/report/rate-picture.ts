import { BUCKET } from '../measure.ts'
import type { Course, ScenarioResult } from '../result.ts'
import { escapeHtml } from './escape.ts'
import { BOTTOM, LEFT, RIGHT, TOP, framed, place } from './frame.ts'
import { linear, ticks, type Scale } from './scale.ts'

/** Bars that the line is the mean of: single ones jump with the batches in which jobs end. */
const SMOOTH = 4

/** Jobs per second over time, with what was done when. */
export function ratePicture({ name, course, rateBefore, rateAfter }: ScenarioResult): string {
  const seconds = Math.max((course.effects.length * BUCKET) / 1_000, course.after[1] / 1_000)
  const rates = smoothed(course.effects.map((jobs) => (jobs * 1_000) / BUCKET))
  const yTicks = ticks(Math.max(1, ...rates), 4)
  const x = linear([0, seconds], [LEFT, RIGHT])
  const y = linear([0, yTicks.at(-1) ?? 1], [BOTTOM, TOP])
  const points = rates.map((rate, bar) => `${place(x(((bar + 0.5) * BUCKET) / 1_000))},${place(y(rate))}`)
  const label = `${name}: jobs per second over time; ${course.injuries.length} injuries; ${rateBefore ?? '-'} before, ${rateAfter ?? '-'} behind`
  return framed(
    label,
    {
      x,
      y,
      xTicks: ticks(seconds, 10).filter((tick) => tick <= seconds),
      yTicks,
      xTitle: 'seconds',
      yTitle: 'jobs per second',
    },
    [
      band(x, course),
      `<polygon class="area" points="${place(x(BUCKET / 2_000))},${BOTTOM} ${points.join(' ')} ${points.at(-1)?.split(',')[0] ?? LEFT},${BOTTOM}"/>`,
      `<polyline class="line" points="${points.join(' ')}"/>`,
      level(x, y, course.before, rateBefore),
      level(x, y, course.after, rateAfter),
      ...course.injuries.map(({ what, at }) =>
        mark(x(at / 1_000), `${what}, at ${(at / 1_000).toFixed(1)} s`),
      ),
    ].join('\n'),
  )
}

function band(x: Scale, { during: [from, to] }: Course): string {
  const start = x(from / 1_000)
  return `<rect class="during" x="${place(start)}" y="${TOP}" width="${place(Math.max(0, x(to / 1_000) - start))}" height="${BOTTOM - TOP}"/>`
}

/** The mean of a calm. */
function level(x: Scale, y: Scale, [from, to]: readonly [number, number], rate: number | null): string {
  if (rate === null) return ''
  const at = place(y(rate))
  return `<line class="level" x1="${place(x(from / 1_000))}" x2="${place(x(to / 1_000))}" y1="${at}" y2="${at}"/>`
}

function mark(at: number, what: string): string {
  const [left, right, middle] = [place(at - 4), place(at + 4), place(at)]
  return `<g class="mark"><title>${escapeHtml(what)}</title><line x1="${middle}" x2="${middle}" y1="${TOP}" y2="${BOTTOM}"/><polygon points="${left},${TOP - 8} ${right},${TOP - 8} ${middle},${TOP}"/></g>`
}

function smoothed(rates: readonly number[]): readonly number[] {
  return rates.map((_, bar) => {
    const near = rates.slice(Math.max(0, bar - SMOOTH / 2), bar + SMOOTH / 2)
    return near.reduce((sum, rate) => sum + rate, 0) / near.length
  })
}
