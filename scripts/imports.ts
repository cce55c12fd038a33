// npm run imports [-- --jobs 3000]: graphile-worker, pg-boss and BullMQ, installed in bench/, make their own tables in a fresh database
// and add jobs of every kind; `kongtask import` moves them, is killed in the middle and started again, and a runner performs
// them. One line for each; ends with 1 where a job was lost, ran twice, or did not run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { KongTask, runTaskListOnce } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import pg from 'pg'
import { peerNode } from '../bench/peers/peers.ts'
import { silent } from '../test/journeys/journey-logger.ts'
import { installSystems, seed, SYSTEMS, versionOf, type System } from './imports/systems.ts'

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '3000' } } })
const MANY = Number(values.jobs)
const root = fileURLToPath(new URL('..', import.meta.url))
const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}tsconfig.json` }

/** Many more jobs of the simplest kind, copies of one that the package has made. */
const MULTIPLY: Readonly<Record<System, string>> = {
  'graphile-worker': `
    insert into graphile_worker._private_jobs (task_id, payload)
    select t.id, json_build_object('many', n) from graphile_worker._private_tasks t, generate_series(1, ${MANY}) as n
     where t.identifier = 'send_email'`,
  'pg-boss': `
    insert into pgboss.job (name, data)
    select 'send-email', jsonb_build_object('many', n) from generate_series(1, ${MANY}) as n`,
  bullmq: `
    insert into bullmq.job (queue, id, seq, name, state, data, added_at_ms)
    select 'mail', 'many-' || n, nextval('bullmq.job_seq'), 'welcome', 'waiting', jsonb_build_object('many', n), 1790000000000
      from generate_series(1, ${MANY}) as n`,
}

/** What still waits there. */
const WAITING: Readonly<Record<System, string>> = {
  'graphile-worker': 'select count(*)::int4 from graphile_worker._private_jobs where is_available',
  'pg-boss': "select count(*)::int4 from pgboss.job where state < 'active'",
  bullmq: "select count(*)::int4 from bullmq.job where state in ('waiting', 'delayed') and parent_id is null",
}

/** Kept there, and told: a name that KongTask does not take; what a scheduler that stays has planned. */
const STAYS: Readonly<Record<System, number>> = { 'graphile-worker': 1, 'pg-boss': 0, bullmq: 2 }

installSystems()
await using server = await startPostgres({ durable: false })
const admin = new pg.Pool({ connectionString: server.connectionString, max: 1 })
for (const system of SYSTEMS) {
  for (const isOne of [true, false]) await show(system, isOne)
}
await showLines()
await admin.end()

async function makeDatabase(name: string): Promise<{ readonly url: string; readonly pool: pg.Pool }> {
  await admin.query(`create database ${name}`)
  const url = new URL(server.connectionString)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 4 })
  pool.on('error', () => undefined)
  return { url: url.href, pool }
}

async function show(system: System, isOne: boolean): Promise<void> {
  const name = `${system.replace('-', '_')}_${isOne ? 'same' : 'other'}`
  const there = await makeDatabase(name)
  const here = isOne ? there : await makeDatabase(`${name}_new`)
  await seed(system, there.url)
  await there.pool.query(MULTIPLY[system])
  const kong = new KongTask({ pool: here.pool })
  await kong.migrate()
  const waiting = await countIn(there.pool, WAITING[system])

  const args = ['import', system, '--database-url', here.url, ...(isOne ? [] : ['--from', there.url])]
  let kills = 0
  for (const share of [0.2, 0.6]) if (await killedImport(args, here.pool, waiting * share)) kills++
  const { code, said } = await kongtask([...args, '--json'])
  const moved = await countIn(here.pool, 'select count(*)::int4 from kongtask.jobs')
  const stayed = await countIn(there.pool, WAITING[system])

  const performed = new Map<string, number>()
  const tasks = (await kong.tasks.list()).map((task) => task.name)
  const note = (_payload: unknown, { job }: { readonly job: { readonly id: string } }): void =>
    void performed.set(job.id, (performed.get(job.id) ?? 0) + 1)
  const due = await countIn(
    here.pool,
    'select count(*)::int4 from kongtask.jobs where run_at <= clock_timestamp()',
  )
  await runTaskListOnce(Object.fromEntries(tasks.map((task) => [task, note])), {
    pool: here.pool,
    concurrency: 20,
    logger: silent,
  })
  const payloads = await countIn(
    here.pool,
    "select count(distinct payload ->> 'many')::int4 from kongtask.history where payload ? 'many' and completed",
  )
  const runs = await countIn(here.pool, "select count(*)::int4 from kongtask.history where payload ? 'many'")
  const twice = [...performed.values()].filter((times) => times > 1).length
  const isFine =
    moved + stayed === waiting &&
    stayed === STAYS[system] &&
    payloads === MANY &&
    runs === MANY &&
    twice === 0 &&
    performed.size >= due &&
    kills > 0
  const where = isOne ? 'the same database' : 'another database'
  console.log(
    `${isFine ? 'fine' : 'WRONG'}  ${system} ${versionOf(system)}, ${where}: ${waiting} waited; killed ${kills} times; ${moved} here, ${stayed} left there; ${performed.size} of ${due} due performed, ${twice} of them twice`,
  )
  if (!isFine) {
    console.log(said, code)
    process.exitCode = 1
  }
  await there.pool.end()
  if (!isOne) await here.pool.end()
}

/** The script of docs/coming-from/bullmq.md, on BullMQ's other store, which needs no Redis; then `import json`, twice. */
async function showLines(): Promise<void> {
  const there = await makeDatabase('bullmq_lines')
  const here = await makeDatabase('bullmq_lines_new')
  await seed('bullmq', there.url)
  await new KongTask({ pool: here.pool }).migrate()
  const page = await readFile(`${root}docs/coming-from/bullmq.md`, 'utf8')
  const [, script = ''] = /^```js\n(\/\/ bullmq-lines\.mjs.*?)^```/ms.exec(page) ?? []
  const onPostgres = script
    .replace('{ Queue }', '{ Queue, createPostgresBackend }')
    .replace('{ connection })', '{ connection }, createPostgresBackend)')
    .replace("{ host: '127.0.0.1', port: 6379 }", JSON.stringify(there.url))
  // Beside the packages that it imports.
  const folder = await mkdtemp(`${root}bench/imports/lines-`)
  try {
    await writeFile(join(folder, 'lines.mjs'), onPostgres)
    const { said } = await finished(peerNode(), [join(folder, 'lines.mjs'), 'mail', 'work'])
    const file = join(folder, 'jobs.ndjson')
    await writeFile(file, said)
    const args = [
      'import',
      'json',
      file,
      '--database-url',
      here.url,
      '--task',
      'two words=two_words',
      '--json',
    ]
    const first: { moved?: number } = JSON.parse((await kongtask(args)).said)
    const second: { moved?: number; before?: number } = JSON.parse((await kongtask(args)).said)
    const isFine = first.moved === 9 && second.moved === 0 && second.before === 9
    console.log(
      `${isFine ? 'fine' : 'WRONG'}  bullmq by lines: ${first.moved} jobs moved, and a second time ${second.moved}`,
    )
    if (!isFine) process.exitCode = 1
  } finally {
    await rm(folder, { recursive: true })
    await there.pool.end()
    await here.pool.end()
  }
}

async function countIn(pool: pg.Pool, text: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(text)
  return rows[0]?.count ?? 0
}

/** Killed when so many have arrived. False: it was over before. */
async function killedImport(args: readonly string[], here: pg.Pool, most: number): Promise<boolean> {
  const child = spawn(process.execPath, programOf(args), { stdio: 'ignore', env })
  const closed = once(child, 'close')
  while (child.exitCode === null) {
    if ((await countIn(here, 'select count(*)::int4 from kongtask.jobs')) >= most) {
      child.kill('SIGKILL')
      break
    }
  }
  const [, signal]: unknown[] = await closed
  return signal === 'SIGKILL'
}

interface Finished {
  readonly code: unknown
  readonly said: string
}

function kongtask(args: readonly string[]): Promise<Finished> {
  return finished(process.execPath, programOf(args))
}

async function finished(program: string, args: readonly string[]): Promise<Finished> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code]: unknown[] = await once(child, 'close')
  return { code, said }
}

function programOf(args: readonly string[]): string[] {
  return ['--import', import.meta.resolve('tsx'), `${root}src/cli/main.ts`, ...args]
}
