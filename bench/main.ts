// npm run bench -- <scenario> [--peers] [--quick] [--json] [--publish] [--rounds N] [--only config,…] [--systems system,…]
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { environmentOf } from './frame/environment.ts'
import { inTurn } from './frame/measure.ts'
import { page } from './frame/page.ts'
import { report, shown } from './frame/report.ts'
import type { Scenario } from './frame/scenario.ts'
import { areInstalled, installPeers } from './peers/peers.ts'
import { backlog } from './scenarios/backlog.ts'
import { cost } from './scenarios/cost.ts'
import { drain } from './scenarios/drain.ts'
import { enqueue } from './scenarios/enqueue.ts'
import { fairness } from './scenarios/fairness.ts'
import { heldXmin } from './scenarios/held-xmin.ts'
import { latency } from './scenarios/latency.ts'
import { manyWorkers } from './scenarios/many-workers.ts'
import { mixed } from './scenarios/mixed.ts'
import { serial } from './scenarios/serial.ts'
import { steady } from './scenarios/steady.ts'
import { survival } from './scenarios/survival.ts'
import { benchServer } from './servers/databases.ts'

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  drain,
  steady,
  mixed,
  enqueue,
  serial,
  fairness,
  'held-xmin': heldXmin,
  backlog,
  cost,
  'many-workers': manyWorkers,
  latency,
  survival,
}

/** KongTask and the yardsticks: where one of these fails, so does the run. */
const OURS: ReadonlySet<string> = new Set(['kongtask', 'raw-sql', 'in-memory'])

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
  --publish  write report and picture to docs/results/, for a page to show
  --json     one JSON object on standard output, progress and goals on standard error
  --help     this text

A durable PostgreSQL is started for the run; BENCH_DATABASE_URL names another.
Read the ratios: they are of one run on one machine. The absolute rates are this machine's.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    publish: { type: 'boolean', default: false },
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
if (peers || values.publish) installPeers()

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
  isPeer: (system) => !OURS.has(system),
  onRun: ({ system, config }, measured, round) => {
    const figures = Object.entries(measured).map(([metric, value]) => `${metric} ${shown(value)}`)
    console.error(`round ${round}/${rounds}  ${system} (${config}): ${figures.join(', ')}`)
  },
})
const env = environmentOf(server)
const text = report(scenario, results)
if (values.json) {
  console.log(JSON.stringify({ scenario: name, env, ...results }))
  console.error(text)
} else {
  console.log(
    `\n${name}: medians of ${rounds} (PostgreSQL ${env.postgres}, ${env.cpus} cores, Node ${env.node})\n`,
  )
  console.log(text)
}
if (values.publish) console.error(`\nPublished: ${await publish()}`)
else if (!values.json && areInstalled()) {
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-bench-'))
  console.log(`\nPicture: ${await writePicture(join(folder, `bench-${name}.svg`))}`)
}

/** Imported late: without --peers and --publish nothing of bench/package.json needs to be there. */
async function writePicture(path: string): Promise<string> {
  const { drawn } = await import('./pictures/picture.ts')
  await writeFile(path, await drawn({ scenario: name, rows: results.rows, environment: env, rounds }))
  return path
}

async function publish(): Promise<string> {
  const folder = fileURLToPath(new URL('../docs/results/', import.meta.url))
  await mkdir(folder, { recursive: true })
  const title = `${name}-postgresql-${Number.parseInt(env.postgres, 10)}`
  await writePicture(join(folder, `${title}.svg`))
  const path = join(folder, `${title}.md`)
  await writeFile(
    path,
    page({ title, scenario: name, report: text, rows: results.rows, environment: env, rounds }),
  )
  return path
}
