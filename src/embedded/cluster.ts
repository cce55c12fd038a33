import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { runCommand } from './command.ts'
import { firstClosedFolder, type RunAs } from './run-as.ts'

// A folder that keeps its data has this in it: `data` (PostgreSQL's own folder), `password`, `server.log`, and while
// a cluster is being made, `new.*`. The data belong to the server's user, the rest to the user who started it.

const OURS = /^(data|password(\..*)?|server\.log|new\..*)$/

/** The user name `postgres` may do anything in its own server, so the password is as long as a key. */
export function makePassword(): string {
  return randomBytes(24).toString('base64url')
}

/** Makes or checks the folder of a cluster that outlives its server, and returns its real path. */
export async function openClusterFolder(dataDir: string): Promise<string> {
  const made = await mkdir(dataDir, { recursive: true })
  const folder = await realpath(dataDir)
  // As root the server runs as another user, who has to get in; the password in it has a mode of its own.
  if (made !== undefined && process.getuid?.() === 0) await chmod(folder, 0o755)

  const foreign = (await readdir(folder)).filter((name) => !OURS.test(name))
  if (foreign.length > 0) {
    throw new KongTaskError(
      'KT_POSTGRES_START_FAILED',
      `${folder} has files that are not ours (${foreign.slice(0, 3).join(', ')}). Choose an empty folder for dataDir.`,
    )
  }
  return folder
}

export async function checkReachable(folder: string, as: RunAs): Promise<void> {
  const closed = await firstClosedFolder(folder, as)
  if (closed === null) return
  throw new KongTaskError(
    'KT_POSTGRES_START_FAILED',
    `PostgreSQL refuses to run as root, so its server runs as uid ${as.uid} and must be able to enter ${folder}, ` +
      `but ${closed} is closed to other users. Let them pass (chmod o+x ${closed}), choose a folder elsewhere for ` +
      'dataDir, or start this process as an ordinary user.',
  )
}

/** The major version that made the cluster; undefined where there is none yet. */
export async function clusterMajor(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'data', 'PG_VERSION'), 'utf8').catch(() => '')
  return text === '' ? undefined : Number.parseInt(text, 10)
}

/** The folder's password, the same for all who ask at the same moment. */
export async function clusterPassword(folder: string): Promise<string> {
  const file = join(folder, 'password')
  if (!existsSync(file)) {
    if (existsSync(join(folder, 'data'))) {
      throw new KongTaskError(
        'KT_POSTGRES_START_FAILED',
        `${file} is missing, and nothing can enter its cluster without.`,
      )
    }
    const draft = `${file}.${randomBytes(4).toString('hex')}`
    await writeFile(draft, makePassword(), { mode: 0o600, flag: 'wx' })
    // Linked rather than renamed: what somebody else has put there in the meantime is not replaced.
    await link(draft, file).catch(() => undefined)
    await rm(draft)
  }
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new KongTaskError(
      'KT_POSTGRES_IN_USE',
      `${file} cannot be read: the cluster belongs to another user. Use another folder for dataDir.`,
      { cause: error },
    )
  })
}

/** Makes the cluster where there is none. Several may do so at once: each in a folder of its own, and one wins. */
export async function ensureCluster(options: ClusterOptions): Promise<void> {
  const { folder, as } = options
  const data = join(folder, 'data')
  await removeOldDrafts(folder, as)
  if (existsSync(data)) return
  const draft = await mkdtemp(join(folder, 'new.'))
  try {
    if (as.uid !== undefined && as.gid !== undefined) await chown(draft, as.uid, as.gid)
    await initialiseCluster({ ...options, folder: draft })
    await rename(join(draft, 'data'), data).catch((error: unknown) => {
      if (!existsSync(data)) throw error
    })
  } finally {
    await removeDraft(draft, as)
  }
}

/** A start that was killed halfway has left its draft. */
async function removeOldDrafts(folder: string, as: RunAs): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('new.')) continue
    const draft = await stat(join(folder, name)).catch(() => null)
    if (draft !== null && Date.now() - draft.mtimeMs > 600_000) await removeDraft(join(folder, name), as)
  }
}

async function removeDraft(draft: string, as: RunAs): Promise<void> {
  // Its content belongs to the server's user, its entry in the folder to us.
  await runCommand('rm', ['-rf', draft], { as })
  await rmdir(draft).catch(() => undefined)
}

export interface ClusterOptions {
  /** The cluster becomes its `data`. */
  readonly folder: string
  readonly bin: string
  readonly as: RunAs
  readonly password: string
  /** Whether it is to survive a crash of the machine. */
  readonly durable: boolean
  readonly signal: AbortSignal
}

export async function initialiseCluster(options: ClusterOptions): Promise<void> {
  const { folder, bin, as, password, durable, signal } = options
  // In a file, because anybody may read the arguments of a process.
  const passwordFile = join(folder, 'initial-password')
  const file = await open(passwordFile, 'wx', 0o600)
  await file.writeFile(password)
  if (as.uid !== undefined && as.gid !== undefined) await file.chown(as.uid, as.gid)
  await file.close()
  const args = [
    `--pgdata=${join(folder, 'data')}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    // The one locale that every platform has, and that sorts the same on all of them.
    '--locale=C',
    '--encoding=UTF8',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ]
  const { ok, problem } = await runCommand(join(bin, 'initdb'), args, { as, cwd: folder, signal })
  await rm(passwordFile)
  if (!ok) throw new KongTaskError('KT_POSTGRES_START_FAILED', `initdb failed:\n${problem}`)
}
