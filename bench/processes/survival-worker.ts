// The child's half of survival: a worker of some system in a process of its own, until it is killed, or the application that
// adds the jobs. The handler is the same for all systems: it says that it begins, works for a while, and takes effect. What goes
// wrong is thrown: for the system to deal with.
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

export interface SurvivalJob {
  readonly n: number
  /** Milliseconds of work. */
  readonly ms: number
}

export type SurvivalHandler = (payload: unknown) => Promise<void>

export interface SurvivalOptions {
  readonly connectionString: string
  readonly config: string
}

export interface SurvivalParts {
  /** Makes the tables, and answers how to add jobs. */
  readonly setUp: (options: SurvivalOptions) => Promise<(jobs: readonly SurvivalJob[]) => Promise<unknown>>
  readonly work: (options: SurvivalOptions & { readonly handler: SurvivalHandler }) => Promise<unknown>
}

export async function survive({ setUp, work }: SurvivalParts): Promise<void> {
  const [role, config = ''] = process.argv.slice(2)
  const connectionString = process.env['SURVIVAL_DATABASE_URL'] ?? ''
  process.once('disconnect', () => process.exit(0))
  if (role === 'work') await work({ connectionString, config, handler: handlerOn(connectionString) })
  else {
    const add = await setUp({ connectionString, config })
    process.on('message', (message) => {
      if (Array.isArray(message))
        void add(message.map(jobOf)).then(
          () => process.send?.('added'),
          (error: unknown) => process.send?.(String(error)),
        )
    })
  }
  process.send?.('ready')
}

function handlerOn(connectionString: string): SurvivalHandler {
  const pool = new pg.Pool({ connectionString, max: 10 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return async (payload) => {
    const { n, ms } = jobOf(payload)
    const { rows } = await pool.query<{ run: string }>(
      'insert into survival.runs (n, pid) values ($1, $2) returning run',
      [n, process.pid],
    )
    if (ms > 0) await delay(ms)
    await pool.query('insert into survival.effects (n, run) values ($1, $2)', [n, rows[0]?.run])
  }
}

function jobOf(payload: unknown): SurvivalJob {
  if (typeof payload === 'object' && payload !== null && 'n' in payload && 'ms' in payload)
    return { n: Number(payload.n), ms: Number(payload.ms) }
  throw new TypeError('A job came back with another payload than it was given.')
}
