import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { expect, vi } from 'vitest'
import { type Binaries, findBinaries, type Source } from '../../src/embedded/find-binaries.ts'
import { eventually } from '../support/wait.ts'

const run = promisify(execFile)

/** The sources that can be had here; for the others there are no tests, rather than skipped ones. */
export async function availableSources(): Promise<Source[]> {
  const found: (Binaries | null)[] = []
  for (const source of ['machine', 'package'] as const) {
    found.push(await findBinaries({ source, as: {} }).catch(() => null))
  }
  return found.flatMap((binaries) => (binaries === null ? [] : [binaries.source]))
}

export interface Sandbox {
  readonly folder: string
  /** Waits until nothing runs, or lies, in the folder any more. */
  expectNothingLeft(): Promise<void>
  remove(): Promise<void>
}

/** A folder for temporary files of the test's own, for this process and those that it starts. */
export async function openSandbox(): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'))
  await chmod(folder, 0o1777)
  vi.stubEnv('TMPDIR', folder)
  return {
    folder,
    expectNothingLeft: () =>
      eventually(async () => {
        expect(await readdir(folder)).toEqual([])
        expect(await processesOf(folder)).toEqual([])
      }),
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
