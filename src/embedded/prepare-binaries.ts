import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, lstat, mkdtemp, readFile, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { runCommand } from './command.ts'
import { temporaryFolder } from './temporary-folder.ts'
import type { RunAs } from './run-as.ts'

export type Prepared =
  | { readonly ok: true; readonly bin: string; readonly version: string }
  | { readonly ok: false; readonly problem: string }

/**
 * Binaries that run for the server's user: those given where they do, else a copy. They do not where they lie below a
 * folder that this user may not enter, and where the npm package lacks the links to its libraries: only its
 * post-install step makes those, and npm 11 may not run it.
 */
export async function prepareBinaries(given: string, as: RunAs): Promise<Prepared> {
  const inPlace = await tryBinaries(given, as)
  if (inPlace.ok) return inPlace

  const original = dirname(await realpath(given).catch(() => given))
  const root = await copyTree(original, as).catch((error: unknown) => ({ problem: String(error) }))
  if (typeof root !== 'string') return { ok: false, problem: `${inPlace.problem}; ${root.problem}` }
  return tryBinaries(join(root, 'bin'), as)
}

async function tryBinaries(bin: string, as: RunAs): Promise<Prepared> {
  // Both, because initdb needs libraries that postgres does not.
  const initdb = await runCommand(join(bin, 'initdb'), ['--version'], { as })
  const postgres = await runCommand(join(bin, 'postgres'), ['--version'], { as })
  if (!initdb.ok || !postgres.ok) return { ok: false, problem: initdb.problem || postgres.problem }
  const [, version] = /\(PostgreSQL\) (\d+(?:\.\d+)*)/.exec(postgres.stdout) ?? []
  if (version === undefined) return { ok: false, problem: `says "${postgres.stdout.trim()}" of its version` }
  return { ok: true, bin, version }
}

/**
 * A copy of the tree in a temporary folder, made once. PostgreSQL finds its libraries and its share folder relative
 * to its binaries, so a tree can be moved, but only as a whole.
 */
async function copyTree(original: string, as: RunAs): Promise<string | { readonly problem: string }> {
  const isWhole = ['share/postgresql', 'share'].some((share) =>
    existsSync(join(original, share, 'postgres.bki')),
  )
  if (!isWhole) return { problem: `${original} has no share folder of PostgreSQL, so it cannot be copied` }

  const { mtimeMs, size } = await stat(join(original, 'bin', 'postgres'))
  const build = createHash('sha256').update(`${original} ${mtimeMs} ${size}`).digest('hex').slice(0, 12)
  const temporary = await temporaryFolder(as)
  const copy = join(temporary, `kongtask-binaries-${process.getuid?.()}-${build}`)
  if (!existsSync(copy)) await makeCopy(original, copy)

  // Anybody could have made a folder of this name in /tmp.
  const { uid, mode } = await lstat(copy)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return { problem: `${copy} is not our own` }
  return copy
}

async function makeCopy(original: string, copy: string): Promise<void> {
  const draft = await mkdtemp(`${copy}.`)
  try {
    for (const part of ['bin', 'lib', 'share']) {
      const from = join(original, part)
      if (existsSync(from)) await cp(from, join(draft, part), { recursive: true, verbatimSymlinks: true })
    }
    await makeMissingLinks(original, draft)
    await openToAll(draft)
    // A folder cannot replace one that has something in it: of several at once, one wins.
    await rename(draft, copy).catch((error: unknown) => {
      if (!existsSync(copy)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** The package lists its links as pairs of paths that begin with the name of its tree, `native/lib/…`. */
async function makeMissingLinks(original: string, copy: string): Promise<void> {
  const list = await readFile(join(original, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: unknown = JSON.parse(list)
  if (!Array.isArray(links)) return
  for (const { source, target } of links.filter(isLink)) {
    const path = join(copy, relative('native', target))
    const existing = await lstat(path).catch(() => null)
    if (existing === null) await symlink(relative(dirname(target), source), path)
  }
}

function isLink(value: unknown): value is { readonly source: string; readonly target: string } {
  if (typeof value !== 'object' || value === null || !('source' in value) || !('target' in value))
    return false
  return typeof value.source === 'string' && typeof value.target === 'string'
}

async function openToAll(root: string): Promise<void> {
  await chmod(root, 0o755)
  // A strict umask has made the copies unreadable to the very user they are for.
  const { ok, problem } = await runCommand('chmod', ['-R', 'u=rwX,go=rX', root])
  if (!ok) throw new Error(problem)
}
