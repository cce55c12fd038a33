// npm run ticks -- [--ticks 300] [--processes 20] [--suspend 3] [--kill 2000] [--seed 20261123]: a schedule that comes every
// second, while processes whose clocks are off by up to 90 s are suspended and resumed, and whoever fired last is killed every
// two seconds. Ends with 1 where a tick has not exactly one job.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import pg from 'pg'
import type { TicksProcessOptions } from '../test/journeys/ticks-process.ts'
import { numberOption } from './number-option.ts'

const { values } = parseArgs({
  options: {
    ticks: { type: 'string', default: '300' },
    processes: { type: 'string', default: '20' },
    suspend: { type: 'string', default: '3' },
    kill: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '20261123' },
  },
})
const wanted = numberOption(values, 'ticks')
const count = numberOption(values, 'processes')
const suspended = numberOption(values, 'suspend')
const killEvery = numberOption(values, 'kill')
const seed = numberOption(values, 'seed')
const SKEW = 90_000
/** Milliseconds, longer than a lease. */
const SUSPENDED_FOR = 17_000
/** Milliseconds in which what is due is fired by whoever is left. */
const QUIET = 5_000

let state = seed
/** 0 up to 1; the same for the same seed. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

const program = fileURLToPath(new URL('../test/journeys/ticks-process.ts', import.meta.url))
const tsx = import.meta.resolve('tsx')
await using server = await startPostgres({ durable: false, settings: { max_connections: '400' } })
const { connectionString } = server
await using kong = new KongTask({ connectionString })
await kong.migrate()
const pool = new pg.Pool({ connectionString, max: 2 })

const alive = new Set<ChildProcess>()
/** One that is suspended while it starts would refuse to: its first call has come to its deadline. */
const ready = new Set<ChildProcess>()
const frozen = new Set<ChildProcess>()
let last: ChildProcess | undefined
let kills = 0
let suspensions = 0
let isOver = false

function start(): Promise<void> {
  const options: TicksProcessOptions = { connectionString, skew: Math.round((random() * 2 - 1) * SKEW) }
  const child = spawn(process.execPath, ['--import', tsx, program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) },
  })
  alive.add(child)
  child.on('exit', () => {
    alive.delete(child)
    frozen.delete(child)
  })
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    createInterface(child.stdout).on('line', (line) => {
      if (line !== 'ready') {
        last = child
        return
      }
      ready.add(child)
      resolve()
    })
  })
}

async function killing(): Promise<void> {
  while (!isOver) {
    await delay(killEvery)
    const victim = last !== undefined && alive.has(last) ? last : [...alive][0]
    if (isOver || victim === undefined) return
    victim.kill('SIGKILL')
    kills += 1
    void start()
  }
}

async function suspending(): Promise<void> {
  while (!isOver) {
    const free = [...ready].filter((child) => alive.has(child) && !frozen.has(child) && child !== last)
    const victim = free[Math.floor(random() * free.length)]
    if (victim === undefined) {
      await delay(1_000)
      continue
    }
    victim.kill('SIGSTOP')
    frozen.add(victim)
    suspensions += 1
    await delay(SUSPENDED_FOR * (0.5 + random() / 2))
    frozen.delete(victim)
    victim.kill('SIGCONT')
    await delay(1_000)
  }
}

console.log(`ticks: seed ${seed}, ${count} processes with clocks off by up to ${SKEW / 1_000} s`)
// A few at a time: otherwise their start is what is measured.
for (let started = 0; started < count; started += 5) {
  await Promise.all(Array.from({ length: Math.min(5, count - started) }, start))
}
const { rows } = await pool.query<{ from: Date; to: Date }>(
  `select date_trunc('second', clock_timestamp()) + interval '2 s' as from,
          date_trunc('second', clock_timestamp()) + interval '2 s' + $1 * interval '1 s' as to`,
  [wanted],
)
const [span] = rows
if (span === undefined) throw new Error('the database does not know what time it is')
console.log(`all are there; ${wanted} ticks from ${span.from.toISOString()}`)
const trouble = [killing(), ...Array.from({ length: suspended }, suspending)]
await delay(wanted * 1_000 + 3_000)
isOver = true
for (const child of frozen) child.kill('SIGCONT')
await delay(QUIET)
for (const child of alive) child.kill('SIGTERM')
await delay(1_000)
for (const child of alive) child.kill('SIGKILL')
await Promise.race([Promise.all(trouble), delay(1_000)])

const jobs = await pool.query<{ tick: string; count: number }>(
  `select extras #>> '{schedule,tick}' as tick, count(*)::int4 as count
     from (select extras from kongtask.jobs union all select extras from kongtask.history) as j
    where (extras #>> '{schedule,tick}')::timestamptz >= $1 and (extras #>> '{schedule,tick}')::timestamptz < $2
    group by 1`,
  [span.from, span.to],
)
const late = await pool.query<{ half: number; most: number; all: number }>(
  `select percentile_cont(0.5) within group (order by l) as half, percentile_cont(0.99) within group (order by l) as most,
          max(l) as all
     from (select extract(epoch from fired_at - tick)::float8 * 1000 as l from kongtask.schedule_ticks
            where tick >= $1 and tick < $2) as each`,
  [span.from, span.to],
)
await pool.end()
const total = jobs.rows.reduce((sum, row) => sum + row.count, 0)
const twice = jobs.rows.filter((row) => row.count !== 1)
const [latency] = late.rows
console.log(`${kills} kills, ${suspensions} suspensions`)
console.log(`${jobs.rows.length} of ${wanted} ticks, ${total} jobs, ${twice.length} ticks with more than one`)
if (latency !== undefined) {
  console.log(
    `fired late by: median ${latency.half.toFixed(0)} ms, 99 % within ${latency.most.toFixed(0)} ms, all within ${latency.all.toFixed(0)} ms`,
  )
}
process.exitCode = jobs.rows.length === wanted && total === wanted ? 0 : 1
