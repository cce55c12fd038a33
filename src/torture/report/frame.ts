import { escapeHtml } from './escape.ts'
import type { Scale } from './scale.ts'

export const WIDTH = 760
export const HEIGHT = 220
/** Where the picture proper is. */
export const LEFT = 48
export const RIGHT = WIDTH - 12
export const TOP = 26
export const BOTTOM = HEIGHT - 34

export interface Axes {
  readonly x: Scale
  readonly y: Scale
  readonly xTicks: readonly number[]
  readonly yTicks: readonly number[]
  readonly xTitle: string
  readonly yTitle: string
}

/** A picture with its axes; `content` is SVG. */
export function framed(
  label: string,
  { x, y, xTicks, yTicks, xTitle, yTitle }: Axes,
  content: string,
): string {
  const rows = yTicks.map((tick) => {
    const at = place(y(tick))
    return `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${at}" y2="${at}"/><text class="tick end" x="${LEFT - 6}" y="${place(y(tick) + 4)}">${tick}</text>`
  })
  const columns = xTicks.map(
    (tick) => `<text class="tick middle" x="${place(x(tick))}" y="${BOTTOM + 16}">${tick}</text>`,
  )
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">
${rows.join('')}
${content}
<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${BOTTOM}" y2="${BOTTOM}"/>
${columns.join('')}
<text class="title" x="${LEFT}" y="12">${escapeHtml(yTitle)}</text>
<text class="title end" x="${RIGHT}" y="${HEIGHT - 4}">${escapeHtml(xTitle)}</text>
</svg>`
}

/** A coordinate, no more exact than anybody sees. */
export function place(value: number): string {
  return Number(value.toFixed(1)).toString()
}
