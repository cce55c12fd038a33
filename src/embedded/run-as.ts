import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { KongTaskError } from '../core/errors.ts'

/**
 * The user the server runs as, spread into the options of a spawn: empty for "as we are". PostgreSQL refuses to run
 * as root, so root becomes another user here; nothing but the spawn's uid and gid is needed for that.
 */
export interface RunAs {
  readonly uid?: number
  readonly gid?: number
}

/** The owner of a cluster that exists already, else `nobody`. */
export async function chooseRunAs(data?: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {}
  const owner = data === undefined ? undefined : await stat(data).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }

  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users) ?? []
  if (uid === undefined || gid === undefined) {
    throw new KongTaskError(
      'KT_POSTGRES_START_FAILED',
      'PostgreSQL refuses to run as root, and /etc/passwd has no user "nobody" to run it as. ' +
        'Start this process as an ordinary user, or give it a server of your own.',
    )
  }
  return { uid: Number(uid), gid: Number(gid) }
}

/** The uid that the server's files belong to. */
export function uidOf(as: RunAs): number | undefined {
  return as.uid ?? process.getuid?.()
}

/** The first folder on the way to `path`, itself included, that the user may not enter; null when the way is free. */
export async function firstClosedFolder(path: string, as: RunAs): Promise<string | null> {
  if (as.uid === undefined) return null
  const parent = dirname(path)
  const closedAbove = parent === path ? null : await firstClosedFolder(parent, as)
  if (closedAbove !== null) return closedAbove

  const { uid, gid, mode } = await stat(path)
  const mayEnter = uid === as.uid ? 0o100 : gid === as.gid ? 0o010 : 0o001
  return (mode & mayEnter) === 0 ? path : null
}
