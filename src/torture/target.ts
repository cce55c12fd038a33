import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startPostgres, type EmbeddedPostgres } from '../embedded/embedded.ts'
import { readPostmaster } from '../embedded/postmaster-file.ts'
import { isAlive } from '../embedded/processes.ts'
import { chooseRunAs } from '../embedded/run-as.ts'
import { temporaryFolder } from '../embedded/temporary-folder.ts'
import { addressOf, through } from './address.ts'
import { Proxy, type Address } from './proxy.ts'

/** `fast` rolls back and tells everybody; `immediate` is the crash of a server: it recovers from its log. */
export type Restart = 'fast' | 'immediate'

/** The database that is put to the test. */
export interface Target {
  /** For our own questions; it outlives restarts. */
  readonly connectionString: string
  /** The way without a detour, which may change with a restart. */
  readonly direct: () => string
  /** Where proxies lead; undefined where none can stand in between. */
  readonly address: (() => Address) | undefined
  /** Missing where the server is not ours. Resolves when it answers again. */
  readonly restart?: (how: Restart) => Promise<void>
  close(): Promise<void>
}

/** A database that somebody named. Its server is left alone. */
export function namedTarget(connectionString: string): Target {
  const address = addressOf(connectionString)
  return {
    connectionString,
    direct: () => connectionString,
    address: address && (() => address),
    close: () => Promise.resolve(),
  }
}

// Commits are written down before they are answered, or a crash of the server would lose some. What the operating system
// does with what was written is of no consequence: it is PostgreSQL that is killed, not the machine.
const SETTINGS = { fsync: 'off', max_connections: '200' }

/** A server of our own, which is gone behind it. */
export async function throwawayTarget(signal: AbortSignal): Promise<Target> {
  const folder = await mkdtemp(join(await temporaryFolder(await chooseRunAs()), 'kongtask-torture-'))
  const dataDir = join(folder, 'cluster')
  let server: EmbeddedPostgres | undefined
  let door: Proxy | undefined
  const close = async (): Promise<void> => {
    await door?.close()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    // The server's user has to get in, who is another one where we are root.
    await chmod(folder, 0o755)
    server = await startPostgres({ dataDir, settings: SETTINGS, signal })
    const direct = (): string => server?.connectionString ?? ''
    const address = (): Address => addressOf(direct()) ?? { host: '127.0.0.1', port: 0 }
    door = await Proxy.open(address)
    return {
      connectionString: through(door.port, direct()),
      direct,
      address,
      restart: async (how) => {
        const old = server
        await kill(join(dataDir, 'data'), how)
        server = await startPostgres({ dataDir, settings: SETTINGS })
        await old?.stop()
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

async function kill(data: string, how: Restart): Promise<void> {
  const postmaster = await readPostmaster(data)
  if (postmaster === undefined) return
  process.kill(postmaster.pid, SIGNALS[how])
  while (isAlive(postmaster.pid)) await delay(20)
}
