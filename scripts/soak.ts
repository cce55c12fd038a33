// npm run soak -- [--minutes 20] [--rate 2000] [--kill-every 10] [--seed 1] [--json]: jobs at a steady rate, for long, while
// workers are killed. One worker lives through it: what it holds, and what the tables hold, must not grow. Ends with 3 where a
// promise was broken.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import pg from 'pg'
import { Adder } from './soak/adder.ts'
import { observe, type Sample } from './soak/observer.ts'
import type { Plan } from './soak/plan.ts'
import { audit, createRecord } from './soak/record.ts'
import { verdict, type Evidence, type Verdict } from './soak/verdict.ts'
import { Workforce } from './soak/workforce.ts'
import { numberOption } from './number-option.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    rate: { type: 'string', default: '2000' },
    'kill-every': { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const plan: Plan = {
  minutes: numberOption(values, 'minutes', { isWhole: false }),
  rate: numberOption(values, 'rate', { isWhole: false }),
  killEvery: numberOption(values, 'kill-every', { isWhole: false }),
  seed: numberOption(values, 'seed', { isWhole: false }),
}
/** Seconds between two samples: 32 of them at least. */
const SAMPLE_EVERY = Math.min(10, (plan.minutes * 60) / 32)
/** Milliseconds. */
const LONGEST_DRAIN = 60_000
/** Seconds that the last jobs may take, retries and rescues included, without counting against the rate. */
const LONGEST_GRACE = 5

await using server = await startPostgres({ durable: false, settings: { max_connections: '100' } })
const { connectionString } = server
const pool = new pg.Pool({ connectionString, max: 4, application_name: 'soak' })
const kong = new KongTask({ pool })
const workforce = new Workforce(connectionString)
try {
  const { samples, ...ends } = await soak()
  const found = verdict({ samples, ...ends, deaths: workforce.deaths })
  if (values.json)
    console.log(
      JSON.stringify({
        ...plan,
        postgres: server.version,
        node: process.version,
        kills: workforce.kills,
        ...ends,
        ...found,
        samples,
      }),
    )
  else console.log(report(found, samples, ends))
  if (found.broken.length > 0) process.exitCode = 3
} finally {
  workforce.kill()
  await kong.close()
  await pool.end()
}

type Ends = Omit<Evidence, 'deaths' | 'samples'>

async function soak(): Promise<Omit<Evidence, 'deaths'>> {
  await kong.migrate()
  await createRecord(pool)
  await workforce.start()
  const adder = new Adder(pool, kong, plan.rate)
  const begun = performance.now()
  const since = (): number => (performance.now() - begun) / 1_000
  const samples: Sample[] = []
  adder.start()
  let [nextKill, nextSample] = [plan.killEvery, SAMPLE_EVERY]
  let hasAnswered = true
  while (since() < plan.minutes * 60 && !adder.hasFailed) {
    await delay(200)
    if (since() >= nextKill) {
      // When it comes in between two claims, or in the middle of a batch, is for the seed to say.
      await delay((plan.seed * 137 + workforce.kills * 61) % 997)
      await workforce.killOne()
      nextKill += plan.killEvery
    }
    if (since() < nextSample) continue
    nextSample += SAMPLE_EVERY
    const vitals = await workforce.vitals()
    if (vitals === undefined) {
      hasAnswered = false
      break
    }
    samples.push({ at: since(), vitals, ...(await observe(pool)) })
    progress(samples.at(-1), adder.added)
  }
  await adder.stop()
  const added = { jobs: adder.added, seconds: since() }
  await drained()
  const seconds = since()
  const found = await audit(pool)
  const hasStopped = await workforce.stop()
  const { connections } = await observe(pool)
  return {
    samples,
    audit: found,
    hasAnswered,
    hasStopped,
    leftBehind: Object.entries(connections).reduce(
      (sum, [name, count]) => (name === 'soak' ? sum : sum + count),
      0,
    ),
    rates: {
      wanted: plan.rate,
      // What was left when the adding ended counts with the time that it took.
      worked: (added.jobs - found.lost) / Math.max(added.seconds, seconds - LONGEST_GRACE),
    },
  }
}

async function drained(): Promise<void> {
  const end = performance.now() + LONGEST_DRAIN
  while ((await observe(pool)).backlog > 0 && performance.now() < end) await delay(200)
}

function progress(sample: Sample | undefined, added: number): void {
  if (sample === undefined || !process.stderr.isTTY) return
  const { at, vitals, deadTuples, backlog } = sample
  process.stderr.write(
    `\r${at.toFixed(0)} s: ${added} jobs added, ${backlog} there, heap ${(vitals.heap / 1_048_576).toFixed(1)} MiB, ` +
      `${deadTuples} dead tuples, ${workforce.kills} kills   `,
  )
}

function report(
  { courses, broken }: Verdict,
  samples: readonly Sample[],
  { audit: found, rates }: Ends,
): string {
  const width = Math.max(...courses.map(({ what }) => what.length))
  const cell = (value: number): string => value.toFixed(1).padStart(10)
  return [
    `PostgreSQL ${server.version}, Node ${process.version}, seed ${plan.seed}: ${plan.minutes} min at ${plan.rate} jobs/s, ${workforce.kills} kills`,
    `${found.added} jobs added, ${rates.worked.toFixed(0)} jobs/s worked; ${found.lost} lost, ${found.doubled} twice, ${found.repeated} effects repeated where that is promised no better, ${found.buried} buried as poison pills`,
    `history at the end: ${((samples.at(-1)?.historySize ?? 0) / 1_048_576).toFixed(1)} MiB`,
    '',
    `${''.padEnd(width)}   quarter 1         2         3         4`,
    ...courses.map(
      ({ what, unit, quarters, isFlat }) =>
        `${what.padEnd(width)}  ${quarters.map(cell).join('')}  ${unit.padEnd(3)} ${isFlat ? '' : 'GREW'}`,
    ),
    '',
    broken.length === 0 ? 'All of it held.' : `${broken.length} BROKEN`,
    ...broken.map((what) => `  ${what}`),
  ].join('\n')
}
