// npm run bench -- <scenario> [--quick] [--json] [--rounds N]
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchServer } from './databases.ts'
import { inTurn, type Row } from './measure.ts'
import * as drainScenario from './scenarios/drain.ts'

const SCENARIOS = { drain: { prepare: drainScenario.drain, metric: drainScenario.metric } }

const USAGE = `npm run bench -- <scenario> [options]

Scenarios
  drain      a preloaded queue of 200,000 no-ops, worked until it is empty: KongTask beside a raw SQL loop

Options
  --quick    a tenth of the jobs, one round: to see that it works, not to quote
  --rounds N how often each system runs, in turn (default 3)
  --json     one JSON object on standard output, progress on standard error
  --help     this text

A durable PostgreSQL is started for the run; BENCH_DATABASE_URL names another.
Read the ratios: they are of one run on one machine. The absolute rates are this machine's.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const [name] = positionals
const scenario = Object.entries(SCENARIOS).find(([known]) => known === name)?.[1]
if (values.help || scenario === undefined) {
  console.log(USAGE)
  process.exit(values.help ? 0 : 1)
}

await using server = await benchServer()
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
const contestants = await scenario.prepare(server, values.quick)
const rows = await inTurn(contestants, rounds, scenario.metric, ({ system, config }, value, round) =>
  console.error(`round ${round}/${rounds}  ${system} (${config}): ${Math.round(value).toLocaleString('en')}`),
)
const env = {
  node: process.version,
  postgres: server.version,
  cpus: cpus().length,
  date: new Date().toISOString(),
}
if (values.json) console.log(JSON.stringify({ scenario: name, env, rows }))
else print(rows)

function print(all: readonly Row[]): void {
  const limit = all.find(({ system }) => system === 'raw-sql')?.median ?? Number.NaN
  console.log(
    `\n${name}: ${all[0]?.unit}, median of ${rounds} (PostgreSQL ${env.postgres}, ${env.cpus} cores, Node ${env.node})\n`,
  )
  for (const { system, config, median, min, max } of all) {
    const bar = '█'.repeat(Math.round((median / limit) * 30))
    console.log(
      `  ${system.padEnd(10)} ${config.padEnd(9)} ${shown(median).padStart(9)}  (${shown(min)} – ${shown(max)})  ${(median / limit).toFixed(2)} × raw  ${bar}`,
    )
  }
}

function shown(value: number): string {
  return Math.round(value).toLocaleString('en')
}
