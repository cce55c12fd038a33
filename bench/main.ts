// npm run bench -- <scenario> [--peers] [--quick] [--json] [--rounds N] [--only config,…] [--systems system,…]
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchServer } from './databases.ts'
import { inTurn } from './measure.ts'
import { installPeers } from './peers.ts'
import { report, shown } from './report.ts'
import type { Scenario } from './scenario.ts'
import { drain } from './scenarios/drain.ts'
import { enqueue } from './scenarios/enqueue.ts'
import { fairness } from './scenarios/fairness.ts'
import { serial } from './scenarios/serial.ts'

const SCENARIOS: Readonly<Record<string, Scenario>> = { drain, enqueue, serial, fairness }

const USAGE = `npm run bench -- <scenario> [options]

Scenarios
${Object.entries(SCENARIOS)
  .map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`)
  .join('\n')}

Options
  --peers    measure the other systems, too (enqueue and serial always do); installs them where needed
  --quick    a tenth of the jobs, one round: to see that it works, not to quote
  --rounds N how often each system runs, in turn (default 3)
  --only C   these configs only, by their first words and with commas between them: bulk,single
  --systems S
             these systems only: kongtask,raw-sql
  --json     one JSON object on standard output, progress and goals on standard error
  --help     this text

A durable PostgreSQL is started for the run; BENCH_DATABASE_URL names another.
Read the ratios: they are of one run on one machine. The absolute rates are this machine's.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    systems: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const [name = ''] = positionals
const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined
if (values.help || scenario === undefined) {
  console.log(USAGE)
  process.exit(values.help ? 0 : 1)
}
const peers = scenario.peers === 'always' || (scenario.peers === 'asked' && values.peers)
if (peers) installPeers()

await using server = await benchServer()
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
const only = values.only?.split(',')
const systems = values.systems?.split(',')
const contestants = (await scenario.prepare(server, { quick: values.quick, peers })).filter(
  ({ system, config }) =>
    (only?.includes(config.replace(/ .*$/, '')) ?? true) && (systems?.includes(system) ?? true),
)
const results = await inTurn(contestants, {
  rounds,
  units: scenario.units,
  isPeer: (system) => system !== 'kongtask' && system !== 'raw-sql',
  onRun: ({ system, config }, measured, round) => {
    const figures = Object.entries(measured).map(([metric, value]) => `${metric} ${shown(value)}`)
    console.error(`round ${round}/${rounds}  ${system} (${config}): ${figures.join(', ')}`)
  },
})
const env = {
  node: process.version,
  postgres: server.version,
  cpus: cpus().length,
  date: new Date().toISOString(),
}
if (values.json) {
  console.log(JSON.stringify({ scenario: name, env, ...results }))
  console.error(report(scenario, results))
} else {
  console.log(
    `\n${name}: medians of ${rounds} (PostgreSQL ${env.postgres}, ${env.cpus} cores, Node ${env.node})\n`,
  )
  console.log(report(scenario, results))
}
