import { basename } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { type Hold, takeHold } from './hold.ts'
import { type Postmaster, readPostmaster } from './postmaster-file.ts'
import { isAlive, isServerOf } from './processes.ts'
import type { RunAs } from './run-as.ts'
import { RUN_FOLDER_PREFIX, sweepRunFolder } from './run-folder.ts'
import { type EmbeddedPostgres, handOver } from './running-server.ts'
import { until } from './until.ts'

export interface Joining {
  readonly data: string
  readonly dataDir: string
  readonly as: RunAs
  readonly password: string
  readonly signal: AbortSignal
}

type Found = { readonly server: EmbeddedPostgres | undefined }

/** The server that already runs on the folder, once it is ready; undefined when there is none, or no longer. */
export async function joinServer(joining: Joining): Promise<EmbeddedPostgres | undefined> {
  const { data, signal } = joining
  const { server } = await until(async (): Promise<Found | undefined> => {
    const postmaster = await readPostmaster(data)
    if (postmaster === undefined || !isAlive(postmaster.pid)) return { server: undefined }
    return tryToJoin(joining, postmaster)
  }, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
    throw new KongTaskError('KT_POSTGRES_IN_USE', `The server on ${data} neither lets us in nor ends.`, {
      cause: error,
    })
  })
  return server
}

/** Undefined: look again. */
async function tryToJoin(joining: Joining, postmaster: Postmaster): Promise<Found | undefined> {
  const { data, dataDir, as, password, signal } = joining
  const { pid, port, socketFolder: runFolder = '', isReady } = postmaster
  const isForeign = !basename(runFolder).startsWith(RUN_FOLDER_PREFIX)
  if (isForeign && isReady) return { server: await joinForeign(joining, postmaster) }
  if (isForeign) return (await isServerOf(pid, data)) ? undefined : { server: undefined }

  const hold = await takeHold(runFolder, signal)
  if (hold === 'abandoned') {
    await sweepRunFolder(runFolder, as)
    return undefined
  }
  if (hold === 'ending') return (await isServerOf(pid, data)) ? undefined : { server: undefined }
  if (!(await becomesReady(joining, postmaster, hold))) return undefined
  return { server: await handOver({ port, password, dataDir, hold }) }
}

/** False, and the hold is let go, when the server has ended instead. */
async function becomesReady({ data, signal }: Joining, { pid }: Postmaster, hold: Hold): Promise<boolean> {
  let isReady = false
  try {
    isReady = await until(async () => {
      const now = await readPostmaster(data)
      if (now?.pid !== pid) return false
      return now.isReady ? true : undefined
    }, signal)
    return isReady
  } finally {
    if (!isReady) await hold.letGo()
  }
}

/** A server that somebody started on the folder by hand, and will stop. */
async function joinForeign(joining: Joining, { pid, port }: Postmaster): Promise<EmbeddedPostgres> {
  const { data, dataDir, password } = joining
  return handOver({ port, password, dataDir, hold: undefined }).catch((error: unknown) => {
    throw new KongTaskError(
      'KT_POSTGRES_IN_USE',
      `Process ${pid}, which KongTask has not started, has ${data} and does not let us in on port ${port}. ` +
        'Stop it, or use another folder.',
      { cause: error },
    )
  })
}
