import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * What a running server says of itself in `postmaster.pid`. The file is PostgreSQL's own lock on the data folder, so
 * it is our registry too: only the one server that holds the folder can write it.
 */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** Where its Unix socket lies; missing in the first moments of a start. */
  readonly socketFolder: string | undefined
  readonly isReady: boolean
}

/** Undefined when the folder has no server. After a crash the file stays, so its process may be gone. */
export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  // In this order: pid, data folder, start time, port, socket folder, address, shared memory, status.
  // Without a last line that is not finished yet: the server rewrites the file in place, so we may read half of it.
  const lines = text.split('\n').slice(0, -1)
  const [pid, , , port, socketFolder, , , status] = lines.map((line) => line.trim())
  if (pid === undefined || pid === '') return undefined
  return {
    pid: Number(pid),
    port: Number(port),
    socketFolder: socketFolder === '' ? undefined : socketFolder,
    // A standby takes connections, too.
    isReady: status === 'ready' || status === 'standby',
  }
}
