import { chown, lstat, mkdtemp, readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runCommand } from './command.ts'
import { type Opening, openHolds, pipeState } from './hold.ts'
import { isAlive, isServerOf } from './processes.ts'
import { type RunAs, uidOf } from './run-as.ts'
import { temporaryEntries, temporaryFolder } from './temporary-folder.ts'
import { until } from './until.ts'

// The run folder of a server has its holds, its Unix socket and, when nothing of it is to be kept, all its data.
// It belongs to the server's user, so whatever is done to its content is done as that user: root following a link
// that somebody else put there could be led anywhere.

export const RUN_FOLDER_PREFIX = 'kongtask-postgres-'

export interface RunFolder {
  readonly path: string
  /** Ours until the server is held; as long as it is there, a sweep leaves the folder alone. */
  readonly opening: Opening
}

export async function makeRunFolder(as: RunAs): Promise<RunFolder> {
  const path = await mkdtemp(join(await temporaryFolder(as), RUN_FOLDER_PREFIX))
  if (as.uid !== undefined && as.gid !== undefined) await chown(path, as.uid, as.gid)
  return { path, opening: await openHolds(path, as) }
}

export async function removeRunFolder(path: string, as: RunAs): Promise<void> {
  // Again and again, because the initdb of an owner that was killed goes on for a moment, and writes.
  const isGone = until(async () => {
    const { ok } = await runCommand('rm', ['-rf', path], { as })
    return ok || undefined
  }, AbortSignal.timeout(10_000))
  // What cannot be removed now may be later: it is no reason not to start.
  await isGone.catch(() => undefined)
}

/** Ends what others could not: servers and folders whose owner was killed together with the keeper. */
export async function sweepRunFolders(as: RunAs): Promise<void> {
  const folders = await temporaryEntries(RUN_FOLDER_PREFIX)
  // Settled: anybody can make a folder of that name which nobody can sweep, and that is no reason not to start.
  await Promise.allSettled(folders.map((folder) => sweepRunFolder(folder, as)))
}

export async function sweepRunFolder(path: string, as: RunAs): Promise<void> {
  const folder = await lstat(path).catch(() => null)
  if (folder === null || !folder.isDirectory() || folder.uid !== uidOf(as)) return
  const state = pipeState(path)
  // No pipe yet or no longer: somebody is at work there, unless that was minutes ago.
  const isRecent = Date.now() - folder.mtimeMs < 120_000
  if (state === 'kept' || (state === 'ending' && isRecent)) return

  const server = await serverIn(path)
  if (server !== null) {
    await runCommand('kill', ['-QUIT', `${server}`], { as })
    const ended = until(() => !isAlive(server) || undefined, AbortSignal.timeout(10_000))
    if (!(await ended.catch(() => false))) return
  }
  await removeRunFolder(path, as)
}

/** The lock file beside a server's Unix socket begins with its pid. */
async function serverIn(runFolder: string): Promise<number | null> {
  const names = await readdir(runFolder).catch(() => [])
  const lock = names.find((name) => /^\.s\.PGSQL\.\d+\.lock$/.test(name))
  if (lock === undefined) return null
  const text = await readFile(join(runFolder, lock), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isInteger(pid) && isAlive(pid) && (await isServerOf(pid, basename(runFolder))) ? pid : null
}
