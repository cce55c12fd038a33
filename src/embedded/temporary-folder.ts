import { access, constants, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { firstClosedFolder, type RunAs } from './run-as.ts'

// The path of a Unix socket has at most 103 bytes on macOS; ours add less than 50 to the folder's.
const LONGEST = 50

/** A folder where the server's user can make and remove files, and with room left for the path of a socket. */
export async function temporaryFolder(as: RunAs): Promise<string> {
  for (const folder of candidates()) {
    if (folder.length <= LONGEST && (await isUsable(folder, as))) return folder
  }
  throw new KongTaskError(
    'KT_POSTGRES_START_FAILED',
    `None of ${candidates().join(', ')} is a folder where the server's user can make files. Set TMPDIR to one that is.`,
  )
}

async function isUsable(folder: string, as: RunAs): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    if (as.uid === undefined) return true
    const { mode } = await stat(folder)
    return (mode & 0o002) !== 0 && (await firstClosedFolder(folder, as)) === null
  } catch {
    return false
  }
}

/** All that a start may have left behind with this prefix, wherever TMPDIR pointed. */
export async function temporaryEntries(prefix: string): Promise<string[]> {
  const found: string[] = []
  for (const folder of candidates()) {
    const names = await readdir(folder).catch(() => [])
    found.push(...names.filter((name) => name.startsWith(prefix)).map((name) => join(folder, name)))
  }
  return found
}

function candidates(): string[] {
  return [...new Set([tmpdir(), '/tmp', '/var/tmp'])]
}
