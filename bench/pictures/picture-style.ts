/** Light, dark. No two are the same: the style sheet tells them apart by what they are for light. */
export const COLOURS = {
  paper: ['#ffffff', '#12171c'],
  ink: ['#1f2933', '#e6e9ec'],
  quiet: ['#66717c', '#9aa5b1'],
  line: ['#d7dce1', '#323a42'],
  ours: ['#0f766e', '#2aa79b'],
  yardstick: ['#a7b0b9', '#66717d'],
  peer: ['#5b7fa6', '#5f86b3'],
} as const

const [ink] = COLOURS.ink
const [quiet] = COLOURS.quiet

export const FONT = 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif'

/** Vega-Lite's, for the whole drawing. */
export const STYLE = {
  background: COLOURS.paper[0],
  padding: 20,
  font: FONT,
  view: { stroke: null },
  title: {
    color: ink,
    fontSize: 17,
    fontWeight: 600,
    subtitleColor: quiet,
    subtitleFontSize: 11.5,
    subtitleLineHeight: 16,
    subtitlePadding: 6,
  },
  axis: {
    labelColor: ink,
    titleColor: quiet,
    titleFontWeight: 400,
    labelFontSize: 12,
    titleFontSize: 11.5,
    gridColor: COLOURS.line[0],
    domain: false,
    ticks: false,
    labelPadding: 8,
  },
  axisX: { labelFlush: false, labelColor: quiet, labelFontSize: 11, tickCount: 5, titlePadding: 8 },
  axisY: { grid: false, labelLimit: 240 },
} as const

export const BLOCK_TITLE = {
  color: quiet,
  fontSize: 12.5,
  fontWeight: 600,
  anchor: 'start',
  frame: 'group',
  offset: 4,
} as const
