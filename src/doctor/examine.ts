// Front door: looks at a database, at who works on it and at this machine, and says what is wrong. The one invariant: it
// writes nothing, for which the server is asked to see to it.
import { catalogue } from '../core/error-catalogue.ts'
import { KongTaskError } from '../core/errors.ts'
import { openPool } from '../store/drivers/node-postgres.ts'
import type { Queryable } from '../store/db.ts'
import { examineServer, type ServerState } from '../store/examine.ts'
import { explainError } from '../store/explain-error.ts'
import { pgDatabase } from '../store/pg-database.ts'
import { readOnly } from '../store/read-only.ts'
import { checkClock } from './checks/clock.ts'
import { checkIndexes } from './checks/indexes.ts'
import { checkListening } from './checks/listening.ts'
import { checkNodeVersion } from './checks/node-version.ts'
import { checkQueues } from './checks/queues.ts'
import { checkRole } from './checks/role.ts'
import { checkSchema } from './checks/schema.ts'
import { checkServer } from './checks/server.ts'
import { checkTables } from './checks/tables.ts'
import { checkTasks } from './checks/tasks.ts'
import { checkVacuumHolders } from './checks/vacuum-holders.ts'
import { checkWorkers } from './checks/workers.ts'
import { finding, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'
import { openSession } from './session.ts'

export interface ExamineOptions {
  readonly connectionString: string
  /** Past a pooler, where runners listen. @default `connectionString` */
  readonly directConnectionString?: string | undefined
  readonly schema: string
  /** Stands behind each command line of `kongtask` that a remedy is: ` --schema jobs`. */
  readonly flags?: string | undefined
  /** Gives up between two checks. */
  readonly signal?: AbortSignal | undefined
  readonly onCheck?: ((check: string) => void) | undefined
}

/** Milliseconds for a statement, and with its connection. */
const PATIENCE = 8_000
const DEADLINE = 10_000
/** The quickest of so many answers tells best what time it is there. */
const CLOCK_LOOKS = 3

type Check = (patient: Patient) => Promise<readonly Finding[]>

/** Those that need nothing of ours in the database, and those that need our tables. */
const ON_ANY_DATABASE: readonly (readonly [name: string, check: Check])[] = [
  ['clock', (patient) => Promise.resolve(checkClock(patient))],
  ['listening', checkListening],
  ['vacuum', (patient) => checkVacuumHolders(patient)],
]
const ON_OUR_TABLES: readonly (readonly [name: string, check: Check])[] = [
  ['role', checkRole],
  ['indexes', checkIndexes],
  ['tables', checkTables],
  ['workers', checkWorkers],
  ['tasks', checkTasks],
  ['queues', checkQueues],
]

/** Whatever can be looked at is, also where something else fails. @throws the signal's reason; KT_CONNECTION_INVALID */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const { connectionString, directConnectionString = connectionString, schema, flags = '' } = options
  const found: Finding[] = [...checkNodeVersion(process.versions.node)]
  const pool = openPool(connectionString)
  try {
    const db = readOnly(pgDatabase(pool, DEADLINE), PATIENCE)
    const greeting = await greet(db, schema)
    if (!('server' in greeting)) return [...found, greeting]
    const patient: Patient = {
      ...greeting,
      db,
      schema,
      openSession: () => openSession(directConnectionString),
      kongtask: (line) => `kongtask ${line}${flags}`,
    }
    found.push(answering(patient), ...checkServer(patient.server))
    for (const [name, check] of ON_ANY_DATABASE)
      found.push(...(await performed(name, check, patient, options)))
    const ofSchema = await performed('schema', checkSchema, patient, options)
    found.push(...ofSchema)
    if (ofSchema.some(({ code }) => code === 'schema_missing' || code === 'schema_foreign')) return found
    for (const [name, check] of ON_OUR_TABLES) found.push(...(await performed(name, check, patient, options)))
    return found
  } finally {
    await pool.end()
  }
}

type Greeting = Pick<Patient, 'server' | 'clockOffset' | 'latency'>

/** What the database says of itself; the finding where it says nothing. */
async function greet(db: Queryable, schema: string): Promise<Greeting | Finding> {
  let best: Greeting | undefined
  try {
    for (let look = 0; look < CLOCK_LOOKS; look++) {
      const askedAt = performance.now()
      const server: ServerState = await examineServer(db, schema)
      const latency = performance.now() - askedAt
      if (best !== undefined && best.latency <= latency) continue
      best = { server, latency, clockOffset: server.at.getTime() - (Date.now() - latency / 2) }
    }
  } catch (error) {
    return unreachable(explainError(error))
  }
  if (best === undefined) throw new TypeError('nobody has looked')
  return best
}

function answering({ latency }: Greeting): Finding {
  return finding('connection', 'database_answers', `The database answers, in ${Math.ceil(latency)} ms.`)
}

function unreachable(error: unknown): Finding {
  const known = error instanceof KongTaskError ? error : undefined
  const what = error instanceof Error ? error.message : String(error)
  return finding('connection', 'database_unreachable', what, {
    remedy: catalogue[known?.code ?? 'KT_DATABASE_UNAVAILABLE'].remedy,
    command: 'pg_isready -d "$DATABASE_URL"',
  })
}

/** A check that fails is a finding of its own, and no reason to leave out the next. */
async function performed(
  name: string,
  check: Check,
  patient: Patient,
  { signal, onCheck }: Pick<ExamineOptions, 'signal' | 'onCheck'>,
): Promise<readonly Finding[]> {
  signal?.throwIfAborted()
  onCheck?.(name)
  try {
    return await check(patient)
  } catch (thrown) {
    const error = explainError(thrown)
    const why = error instanceof Error ? error.message : String(error)
    if (error instanceof KongTaskError && error.code === 'KT_PERMISSION_DENIED')
      return [
        finding(name, 'check_denied', `The role ${patient.server.role} may not look at this.`, {
          remedy: 'Examine as a role that may work, or as the owner.',
          command: patient.kongtask('doctor --database-url postgres://OWNER:PASSWORD@HOST:5432/DATABASE'),
        }),
      ]
    return [
      finding(name, 'check_failed', `This could not be looked at: ${why}`, {
        remedy: 'Try again, and see the server log.',
        command: patient.kongtask('doctor'),
      }),
    ]
  }
}
