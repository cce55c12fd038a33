import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { checkReachable, clusterMajor, clusterPassword, ensureCluster, openClusterFolder } from './cluster.ts'
import { findBinaries } from './find-binaries.ts'
import { joinServer } from './join-server.ts'
import { launch, type Plan } from './launch.ts'
import { readPostmaster } from './postmaster-file.ts'
import { isAlive, isServerOf } from './processes.ts'
import { chooseRunAs } from './run-as.ts'
import { sweepRunFolders } from './run-folder.ts'
import { type EmbeddedPostgres, handOver } from './running-server.ts'
import { until } from './until.ts'

/** The server of a folder that keeps its data: joined where one runs, else started. */
export async function startShared(plan: Plan, dataDir: string): Promise<EmbeddedPostgres> {
  const { source, durable, signal } = plan
  const folder = await openClusterFolder(dataDir)
  const data = join(folder, 'data')
  const as = await chooseRunAs(data)
  await checkReachable(folder, as)
  const password = await clusterPassword(folder)
  await sweepRunFolders(as)
  for (;;) {
    const joined = await joinServer({ data, dataDir: folder, as, password, signal })
    if (joined !== undefined) return joined

    const binaries = await findBinaries({ source, as, major: await clusterMajor(folder) })
    await ensureCluster({ folder, bin: binaries.bin, as, password, durable, signal })
    const prepare = async () => ({ data, logFile: join(folder, 'server.log') })
    const launched = await launch({ plan, as, binaries, how: 'INT', prepare })
    if (launched.kind === 'running') return handOver({ ...launched, password, dataDir: folder })
    if (launched.kind === 'folder-taken') await checkTaken(data, launched.log)
  }
}

/** Somebody else's start was faster, and its server will be joined; but a lock can also be left from before a crash. */
async function checkTaken(data: string, log: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const isReal = async () => {
    const postmaster = await readPostmaster(data)
    if (postmaster === undefined) return !existsSync(lock) || undefined
    return !isAlive(postmaster.pid) || (await isServerOf(postmaster.pid, data)) || undefined
  }
  // Not at the first look: one that starts has an empty lock, and one that ends no command line, for a moment.
  await until(isReal, AbortSignal.timeout(2_000)).catch((error: unknown) => {
    throw new KongTaskError(
      'KT_POSTGRES_IN_USE',
      `PostgreSQL takes ${data} for in use, by a process that is no server of this folder. If nothing uses it, ` +
        `delete ${lock}. The log says:\n${log}`,
      { cause: error },
    )
  })
}
