// What is drawn, in Vega-Lite's words: a panel for each metric, in it a block for each config, in that a bar for each
// system, with a whisker from its lowest run to its highest.
import type { Environment } from '../frame/environment.ts'
import type { Row } from '../frame/measure.ts'
import { shown } from '../frame/report.ts'
import { BLOCK_TITLE, COLOURS, FONT, STYLE } from './picture-style.ts'

export interface Picture {
  readonly scenario: string
  readonly rows: readonly Row[]
  readonly environment: Environment
  readonly rounds: number
}

const YARDSTICKS: ReadonlySet<string> = new Set(['raw-sql', 'in-memory'])
const WIDTH = 460
const ROW_HEIGHT = 24

export function specificationOf({ scenario, rows, environment, rounds }: Picture): object {
  const { postgres, node, cpus, memory, date } = environment
  const metrics = groupedBy(rows, ({ metric }) => metric)
  return {
    title: {
      text: `KongTask bench: ${scenario}`,
      subtitle: [
        `medians of ${rounds} ${rounds === 1 ? 'run' : 'runs'}, whiskers from the lowest to the highest`,
        [
          `PostgreSQL ${postgres.replace(/ .*$/, '')}`,
          `Node ${node.slice(1)}`,
          `${cpus} cores`,
          `${memory} GiB`,
          date.slice(0, 10),
        ].join(', '),
      ],
      anchor: 'start',
      frame: 'bounds',
      offset: 16,
    },
    spacing: 10,
    vconcat: [...metrics.values()].flatMap((ofMetric) => panelOf(ofMetric, metrics.size > 1)),
    config: STYLE,
  }
}

/** One metric's blocks, as the scenario has them, on one scale, which stands below the last. */
function panelOf(rows: readonly Row[], isOneOfSeveral: boolean): object[] {
  const [first] = rows
  if (first === undefined) return []
  const name = nameOf(first)
  const better = betterOf(first)
  const highest = Math.max(...rows.map(({ max }) => max))
  const blocks = [...groupedBy(rows, blockOf)]
  return blocks.map(([block, ofBlock], index) => ({
    title: { text: isOneOfSeveral ? `${name}: ${block}` : block, ...BLOCK_TITLE },
    width: WIDTH,
    height: { step: ROW_HEIGHT },
    ...barsOf(fromBest(ofBlock, better), {
      // Room for the figure that stands behind the longest bar.
      scale: { domain: [0, highest * 1.14], nice: false },
      ...(index === blocks.length - 1
        ? { title: better === undefined ? name : `${name}, ${better} is better` }
        : { title: null, axis: { labels: false } }),
    }),
  }))
}

function barsOf(rows: readonly Row[], x: object): object {
  const along = (field: string): object => ({ field, type: 'quantitative' })
  return {
    data: {
      values: rows.map((row) => ({
        bar: barOf(row),
        kind: kindOf(row.system),
        median: row.median,
        min: row.min,
        max: row.max,
        figure: shown(row.median),
      })),
    },
    encoding: {
      y: { field: 'bar', type: 'nominal', sort: rows.map(barOf), title: null },
      x: { ...along('median'), ...x },
    },
    layer: [
      { mark: { type: 'bar', cornerRadiusEnd: 3, height: { band: 0.68 } }, encoding: { color: BAR_COLOUR } },
      {
        mark: { ...WHISKER, type: 'rule', strokeWidth: 1.5 },
        encoding: { x: along('min'), x2: { field: 'max' } },
      },
      ...['min', 'max'].map((end) => ({
        mark: { ...WHISKER, type: 'tick', thickness: 1.5, size: 8 },
        encoding: { x: along(end) },
      })),
      {
        mark: { type: 'text', align: 'left', dx: 8, fontSize: 12, color: COLOURS.ink[0], font: FONT },
        encoding: { text: { field: 'figure' }, x: along('max') },
      },
    ],
  }
}

const WHISKER = { color: COLOURS.ink[0] } as const

const BAR_COLOUR = {
  field: 'kind',
  type: 'nominal',
  scale: {
    domain: ['ours', 'yardstick', 'peer'],
    range: [COLOURS.ours[0], COLOURS.yardstick[0], COLOURS.peer[0]],
  },
  legend: null,
} as const

function kindOf(system: string): 'ours' | 'yardstick' | 'peer' {
  if (system === 'kongtask') return 'ours'
  return YARDSTICKS.has(system) ? 'yardstick' : 'peer'
}

/** What a row's numbers are: 'jobs/s', 'pickup (ms)'. */
function nameOf({ metric, unit }: Row): string {
  if (metric.endsWith('_per_s')) return unit
  const words = metric.endsWith(`_${unit}`) ? metric.slice(0, -unit.length - 1) : metric
  return `${words.replaceAll('_', ' ')} (${unit})`
}

/** Of mere ratios one cannot tell. */
function betterOf({ unit }: Row): 'more' | 'less' | undefined {
  if (unit === '×') return undefined
  return unit.endsWith('/s') ? 'more' : 'less'
}

function fromBest(rows: readonly Row[], better: 'more' | 'less' | undefined): Row[] {
  if (better === undefined) return [...rows]
  return rows.toSorted((a, b) => (better === 'more' ? b.median - a.median : a.median - b.median))
}

/** In the order in which they come. */
function groupedBy(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row])
  return groups
}

/** Configs that share their first word are of one block: 'bulk' and 'bulk prepared'. */
function blockOf({ config }: Row): string {
  return config.replace(/ .*$/, '')
}

function barOf(row: Row): string {
  return `${row.system}${row.config.slice(blockOf(row).length)}`
}
