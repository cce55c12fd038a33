import pg, { type Client, type Pool } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { Events } from '../core/events.ts'
import type { Emitter } from '../runtime/emitter.ts'
import { guardConnections } from '../store/pg-connection.ts'
import { poolEnd } from './pool-end.ts'
import type { RunnerConfig } from './runner-options.ts'

/** Claiming, settling, heartbeats and chores at once; handlers have connections of their own. */
const ENGINE_CONNECTIONS = 4
/** Milliseconds; what node-postgres has by default. */
const SHORTEST_IDLE = 10_000
/** Milliseconds that connecting may take, unless the pool says otherwise. */
const LONGEST_CONNECT = 10_000

/** A runner's connections. */
export interface Connections {
  /**
   * Ours alone. Handlers may hold all of theirs for as long as they like: if heartbeats had to wait for one, the
   * lease would be lost over it.
   */
  readonly engine: Pool
  /** A new connection outside any pool, and past any pooler that we were told the way past, for LISTEN. */
  readonly session: () => Client
  /** `idle` resolves when nothing that was begun needs them any more; nothing new is begun meanwhile. */
  close(idle?: () => Promise<void>): Promise<void>
  /** @throws KT_CLOSED once closed */
  readonly checkOpen: () => void
}

/** Opens nothing yet: connections are made when they are needed, with the same settings as the handlers' pool. */
export function openConnections(
  { pool, ownsPool, directConnectionString, heartbeatInterval }: RunnerConfig,
  events: Emitter<Events>,
): Connections {
  // The pool hides the password from whoever lists its options.
  // A host that swallows packets must not keep anybody waiting for ever.
  const connectionTimeoutMillis = pool.options.connectionTimeoutMillis || LONGEST_CONNECT
  // Where the other side vanishes without a word, a statement that may take long is not to wait for ever.
  const keepAlive = true
  const options = { ...pool.options, password: pool.options.password, connectionTimeoutMillis, keepAlive }
  const direct =
    directConnectionString === undefined
      ? options
      : { connectionString: directConnectionString, connectionTimeoutMillis, keepAlive }
  // That which carried a heartbeat shows others until the next that this process is there.
  const idleTimeoutMillis = Math.max(pool.options.idleTimeoutMillis ?? SHORTEST_IDLE, 2 * heartbeatInterval)
  const engine = new pg.Pool({
    ...options,
    idleTimeoutMillis,
    max: ENGINE_CONNECTIONS,
    application_name: 'kongtask',
  })
  const endEngine = poolEnd(engine)
  const endPool = ownsPool ? poolEnd(pool) : undefined
  // Without a listener, an idle connection that breaks would end the process.
  const onError = (error: Error): void =>
    events.emit('worker.weather', { doing: 'keep a connection', error, attempt: 1 })
  let isClosed = false
  engine.on('error', onError)
  pool.on('error', onError)
  guardConnections(pool)
  return {
    engine,
    session: () => new pg.Client({ ...direct, application_name: 'kongtask listener' }),
    checkOpen: () => {
      if (isClosed)
        throw new KongTaskError(
          'KT_CLOSED',
          'The runner of this job has stopped; nothing can be added through it.',
        )
    },
    close: async (idle) => {
      isClosed = true
      await idle?.()
      await Promise.all([endEngine(), endPool?.()])
      pool.off('error', onError)
    },
  }
}
