import { existsSync } from 'node:fs'
import { Client } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { Source } from './find-binaries.ts'
import { type Hold, isHeld, pipeState } from './hold.ts'
import { chooseRunAs } from './run-as.ts'
import { sweepRunFolder } from './run-folder.ts'
import { until } from './until.ts'

export interface EmbeddedPostgres extends AsyncDisposable {
  /** For the superuser `postgres`, password included: whoever has it may do anything in this server. */
  readonly connectionString: string
  /** Such as '18.4'. */
  readonly version: string
  readonly source: Source
  /** The folder with the cluster in it, as `data`. */
  readonly dataDir: string
  /**
   * Gives the server back. Where no other process uses it, it ends, which is waited for; that closes what is still
   * connected. May be called again.
   */
  stop(): Promise<void>
}

export interface RunningServer {
  readonly port: number
  readonly password: string
  readonly dataDir: string
  /** Missing where the server is not ours to end. */
  readonly hold: Hold | undefined
}

/** Talks to the server once, so that nobody is given a server that does not answer. */
export async function handOver({ port, password, dataDir, hold }: RunningServer): Promise<EmbeddedPostgres> {
  const connectionString = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`
  const facts = await askFacts(connectionString).catch(async (error: unknown) => {
    await hold?.letGo()
    throw error
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= stopUsing(hold))
  return { connectionString, ...facts, dataDir, stop, [Symbol.asyncDispose]: stop }
}

async function askFacts(connectionString: string): Promise<{ version: string; source: Source }> {
  const client = new Client({
    connectionString,
    application_name: 'kongtask start',
    connectionTimeoutMillis: 10_000,
    query_timeout: 10_000,
  })
  // A server that ends under us says so in the rejected query; without a listener it would end the process too.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{ version: string; source: string | null }>(
      "select current_setting('server_version') as version, current_setting('kongtask.source', true) as source",
    )
    const version = rows[0]?.version.split(' ')[0] ?? ''
    return { version, source: rows[0]?.source === 'package' ? 'package' : 'machine' }
  } finally {
    await client.end()
  }
}

async function stopUsing(hold: Hold | undefined): Promise<void> {
  if (hold === undefined) return
  const { runFolder } = hold
  const isAbandoned = pipeState(runFolder) === 'abandoned'
  await hold.letGo()
  if (isAbandoned) return sweepRunFolder(runFolder, await chooseRunAs(runFolder))

  // The keeper removes the folder when the server has ended, for which it takes 70 s at the very most. The look at
  // others comes each time anew: one who has joined at the last moment is not to keep us waiting.
  const isOver = async () => !existsSync(runFolder) || (await isHeld(runFolder)) || undefined
  await until(isOver, AbortSignal.timeout(80_000)).catch((error: unknown) => {
    throw new KongTaskError('KT_POSTGRES_IN_USE', `The server in ${runFolder} does not end.`, {
      cause: error,
    })
  })
}
