import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { vi } from 'vitest'
import { type Binaries, findBinaries, type Source } from '../../src/embedded/find-binaries.ts'

const run = promisify(execFile)

/** The sources that can be had here; for the others there are no tests, rather than skipped ones. */
export async function availableSources(): Promise<Source[]> {
  const found: (Binaries | null)[] = []
  for (const source of ['machine', 'package'] as const) {
    found.push(await findBinaries({ source, as: {} }).catch(() => null))
  }
  return found.flatMap((binaries) => (binaries === null ? [] : [binaries.source]))
}

/** For what another process does once it has noticed. */
export const SOON = { timeout: 5_000 }

export interface Sandbox {
  readonly folder: string
  /** What a launcher has made in the folder, and the processes that have to do with it. */
  leftovers(): Promise<string[]>
  remove(): Promise<void>
}

/** A folder for temporary files of the test's own, for this process and those that it starts. */
export async function openSandbox(): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'))
  await chmod(folder, 0o1777)
  vi.stubEnv('TMPDIR', folder)
  return {
    folder,
    async leftovers() {
      const names = await readdir(folder)
      const processes = await processesOf(folder)
      return [
        ...names.filter((name) => name.startsWith('kongtask-')),
        ...processes.map(({ commandLine }) => commandLine),
      ]
    },
    async remove() {
      vi.unstubAllEnvs()
      await run('rm', ['-rf', folder])
    },
  }
}

export interface ProcessLine {
  readonly pid: number
  readonly commandLine: string
}

/** All server processes that are in use, or were left, below the folder. */
export async function serversBelow(folder: string): Promise<ProcessLine[]> {
  const lines = await processesOf(folder)
  return lines.filter(({ commandLine }) => /^\S*\/postgres -D /.test(commandLine))
}

/** All processes whose command line mentions the text. */
export async function processesOf(mention: string): Promise<ProcessLine[]> {
  const { stdout } = await run('ps', ['-eww', '-o', 'pid=,args='], { maxBuffer: 16_000_000 })
  const lines = stdout.split('\n').filter((line) => line.includes(mention))
  return lines.map((line) => ({
    pid: Number.parseInt(line, 10),
    commandLine: line.trim().replace(/^\d+ /, ''),
  }))
}

/** The first column of the first row. */
export async function ask(connectionString: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}
