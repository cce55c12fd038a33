import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { firstClosedFolder, type RunAs } from './run-as.ts'

// The path of a Unix socket has at most 103 bytes on macOS; ours add less than 50 to the folder's.
const LONGEST = 50

/** A folder for temporary files that the server's user can enter and that leaves room for a socket's path. */
export async function temporaryFolder(as: RunAs): Promise<string> {
  for (const folder of candidates()) {
    const closed = await firstClosedFolder(folder, as).catch(() => folder)
    if (closed === null && folder.length <= LONGEST) return folder
  }
  throw new KongTaskError(
    'KT_POSTGRES_START_FAILED',
    `None of ${candidates().join(', ')} is a folder that the server's user can enter. Set TMPDIR to one that is.`,
  )
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
