// Everything that the demo starts: a database, a mail server, the partner's API, the web server and two workers.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { Pool } from 'pg'
import pino from 'pino'
import { buildServer } from '../app/server.ts'
import type { Settings } from '../app/settings.ts'
import { startWorker } from '../app/worker.ts'
import { startMailSink, type Breakage, type MailSink } from './mail-sink.ts'
import { startPartner, type Partner } from './partner.ts'
import { startWorkerProcess, type Progress, type WorkerProcess } from './start-worker-process.ts'
import type { Teardown } from './teardown.ts'

export interface Stage {
  readonly settings: Settings
  /** Such as "PostgreSQL 18.4". */
  readonly database: string
  readonly webUrl: string
  readonly logs: string
  readonly pool: Pool
  readonly kong: KongTask
  readonly mail: MailSink
  readonly partner: Partner
  readonly workerProcess: WorkerProcess
}

/** Why the demo cannot begin: something that whoever started it can change. */
export class CannotBegin extends Error {}

export interface StageOptions {
  readonly teardown: Teardown
  readonly signal: AbortSignal
  readonly breakage: Breakage | undefined
  readonly onProgress: (progress: Progress) => void
}

/** Starts all of it; whatever was started is in the teardown, also when the next thing fails. */
export async function setStage(options: StageOptions): Promise<Stage> {
  const { teardown, signal, breakage, onProgress } = options
  const folder = await makeFolder(teardown)
  const given = process.env['DEMO_DATABASE_URL'] ?? ''
  const connectionString = given === '' ? await startDatabase(teardown, signal) : given

  const pool = new Pool({ connectionString, max: 12 })
  pool.on('error', () => undefined)
  teardown.add('the connections', () => pool.end())
  const database = await createTables(pool, given !== '', teardown)
  const kong = new KongTask({ pool })
  await kong.migrate()

  const mail = await startMailSink(breakage)
  teardown.add('the mail server', () => mail.close())
  const partner = await startPartner()
  teardown.add('the partner', () => partner.close())
  const settings: Settings = {
    DATABASE_URL: connectionString,
    SMTP_URL: mail.url,
    PARTNER_URL: partner.url,
    ...folder,
  }
  const server = buildServer({ pool, kong })
  teardown.add('the web server', () => {
    // Visitors who were cut short may have left connections that never sent a request; those would keep it open.
    server.server.closeAllConnections()
    return server.close()
  })
  await server.listen({ host: '127.0.0.1', port: 0 })

  signal.throwIfAborted()
  const workerProcess = await startWorkers({ settings, logs: folder.logs, teardown, onProgress })
  return {
    settings,
    database,
    webUrl: server.listeningOrigin,
    logs: folder.logs,
    pool,
    kong,
    mail,
    partner,
    workerProcess,
  }
}

interface Folders extends Pick<Settings, 'UPLOADS' | 'THUMBNAILS' | 'DATASETS'> {
  readonly logs: string
}

async function makeFolder(teardown: Teardown): Promise<Folders> {
  const folder = await mkdtemp(join(tmpdir(), 'signup-demo-'))
  teardown.add('the temporary folder', () => rm(folder, { recursive: true, force: true }))
  // For a second Ctrl-C, which waits for nothing.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const folders = { THUMBNAILS: join(folder, 'thumbnails'), logs: join(folder, 'logs') }
  await Promise.all(Object.values(folders).map((path) => mkdir(path)))
  // Real pictures and real CSV files come from a package of example data.
  const data = fileURLToPath(new URL('../data', import.meta.resolve('vega-datasets')))
  return { ...folders, UPLOADS: data, DATASETS: data }
}

async function startDatabase(teardown: Teardown, signal: AbortSignal): Promise<string> {
  const postgres = await startPostgres({ durable: false, signal })
  teardown.add('PostgreSQL', () => postgres.stop())
  return postgres.connectionString
}

/** The application's tables, on a database where nothing is in the way. */
async function createTables(pool: Pool, isSomebodys: boolean, teardown: Teardown): Promise<string> {
  const { rows } = await pool
    .query<{ version: string; taken: string[] | null }>(
      `select split_part(current_setting('server_version'), ' ', 1) as version,
            (select array_agg(nspname::text) from pg_namespace where nspname in ('app', 'kongtask')) as taken`,
    )
    .catch((cause: Error) => {
      throw new CannotBegin(`The database does not let us in: ${cause.message}`, { cause })
    })
  const [facts] = rows
  if (facts?.taken) {
    throw new CannotBegin(
      `The database of DEMO_DATABASE_URL has the schema ${facts.taken.join(' and ')} already. Give an empty one.`,
    )
  }
  if (isSomebodys) {
    teardown.add('what is in your database', () => pool.query('drop schema if exists app, kongtask cascade'))
  }
  await pool.query(await readFile(new URL('../app/schema.sql', import.meta.url), 'utf8'))
  return `PostgreSQL ${facts?.version}${isSomebodys ? ' of DEMO_DATABASE_URL' : ', started for this run'}`
}

interface WorkersOptions {
  readonly settings: Settings
  readonly logs: string
  readonly teardown: Teardown
  readonly onProgress: (progress: Progress) => void
}

/** One in this process and one in a process of its own, as on two machines. */
async function startWorkers({
  settings,
  logs,
  teardown,
  onProgress,
}: WorkersOptions): Promise<WorkerProcess> {
  const workerProcess = await startWorkerProcess({
    settings,
    logFile: join(logs, 'worker-2.log'),
    onProgress,
  })
  teardown.add('the worker process', () => workerProcess.stop())
  const logger = pino(pino.destination(join(logs, 'worker-1.log')))
  const runner = await startWorker({ settings, logger, handleSignals: false })
  teardown.add('the worker', () => runner.stop())
  runner.on('job.progress', ({ job, done, total, note }) => onProgress({ task: job.task, done, total, note }))
  return workerProcess
}
