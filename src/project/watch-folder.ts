import { watch, type FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

export interface FolderWatch {
  readonly close: () => void
}

/** Folders whose files nobody edits, or that are made of what is edited. */
const PASSED_OVER = new Set(['node_modules', 'dist', 'build', 'coverage'])
/** Milliseconds: an editor writes one file in several steps. */
const SETTLE = 100

/**
 * Calls back when something has changed in a folder or the folders in it, once a moment has passed. Folders that begin with a
 * dot, and those of packages and builds, are passed over. `recursive` of Node's own `watch` would look into all of them.
 *
 * @param isMeant whether a change of a file of this name counts
 */
export async function watchFolder(
  folder: string,
  isMeant: (name: string) => boolean,
  onChange: (path: string) => void,
): Promise<FolderWatch> {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const changed = (path: string): void => {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(() => onChange(path), SETTLE)
  }
  /** With what is in it: another folder may come under that name. */
  const forget = (gone: string): void => {
    for (const [within, watcher] of watchers) {
      if (within !== gone && !within.startsWith(gone + sep)) continue
      watcher.close()
      watchers.delete(within)
    }
  }
  const notice = async (path: string, name: string): Promise<void> => {
    const about = await stat(path).catch(() => undefined)
    if (about?.isDirectory() === true) {
      if (watchers.has(path)) return
      await follow(path)
      // What it came with was there before anybody watched.
      changed(path)
      return
    }
    if (about === undefined) forget(path)
    if (isMeant(name)) changed(path)
  }
  const follow = async (within: string): Promise<void> => {
    if (isClosed || watchers.has(within)) return
    const watcher = watch(within, (_event, name) => {
      if (name !== null && !isPassedOver(name)) void notice(join(within, name), name).catch(() => undefined)
    })
    watcher.on('error', () => forget(within))
    watchers.set(within, watcher)
    for (const entry of await readdir(within, { withFileTypes: true })) {
      if (entry.isDirectory() && !isPassedOver(entry.name)) await follow(join(within, entry.name))
    }
  }
  await follow(folder)
  return {
    close: () => {
      isClosed = true
      clearTimeout(timer)
      forget(folder)
    },
  }
}

function isPassedOver(name: string): boolean {
  return name.startsWith('.') || PASSED_OVER.has(name)
}
