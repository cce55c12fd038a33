import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { KongTaskError } from '../core/errors.ts'
import type { Binaries } from './find-binaries.ts'
import { freePort } from './free-port.ts'
import { type Keeper, startKeeper } from './keeper.ts'
import { type Hold, takeHold } from './hold.ts'
import { readPostmaster } from './postmaster-file.ts'
import type { RunAs } from './run-as.ts'
import type { RunFolder } from './run-folder.ts'
import { until } from './until.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants

export interface ServerOptions {
  readonly data: string
  readonly runFolder: RunFolder
  readonly binaries: Binaries
  readonly as: RunAs
  readonly how: 'INT' | 'QUIT'
  readonly logFile: string
  readonly settings: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export type ServerStart = { readonly kind: 'running'; readonly port: number; readonly hold: Hold } | Refusal

/** Another server has the data folder, or had it until just now; or another program has got our port. */
export type Refusal =
  { readonly kind: 'folder-taken'; readonly log: string } | { readonly kind: 'port-taken' }

/** Starts a server on a data folder. Unless it runs in the end, it is ended, and its run folder removed, by its keeper. */
export async function startServer(options: ServerOptions): Promise<ServerStart> {
  const { data, runFolder, binaries, as, how, logFile, signal } = options
  const port = await freePort()
  const log = openLog(logFile)
  let hold: Hold | undefined
  let isRunning = false
  try {
    const command = [join(binaries.bin, 'postgres'), '-D', data, ...argumentsFor(options, port)]
    const keeper = startKeeper({ runFolder: runFolder.path, how, command, as, log: log.fd })
    hold = await firstHold(runFolder.path, keeper, signal)
    runFolder.opening.release()
    isRunning = hold !== undefined && (await becomesReady(keeper, data, runFolder.path, signal))
    return hold !== undefined && isRunning ? { kind: 'running', port, hold } : refusal(keeper, log.text())
  } catch (error) {
    if (!signal.aborted) throw error
    throw new KongTaskError(
      'KT_POSTGRES_START_FAILED',
      `PostgreSQL was not ready in time. The end of its log:\n${log.text()}`,
      { cause: error },
    )
  } finally {
    if (!isRunning) await hold?.letGo()
    log.close()
  }
}

function argumentsFor({ settings, runFolder, binaries }: ServerOptions, port: number): string[] {
  const all = {
    max_connections: '200',
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...settings,
    listen_addresses: '127.0.0.1',
    port: `${port}`,
    unix_socket_directories: runFolder.path,
    unix_socket_permissions: '0700',
    // For those who join: they ask the server.
    'kongtask.source': binaries.source,
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function firstHold(run: string, keeper: Keeper, signal: AbortSignal): Promise<Hold | undefined> {
  const hold = await takeHold(run, signal)
  if (typeof hold !== 'string') return hold
  // We hold the pipe, so it can only have gone with a keeper whose server has ended at once.
  await until(() => keeper.exitCode, signal)
  return undefined
}

/** False when the server has ended instead. */
async function becomesReady(
  keeper: Keeper,
  data: string,
  run: string,
  signal: AbortSignal,
): Promise<boolean> {
  return until(async () => {
    if (keeper.exitCode !== undefined) return false
    const postmaster = await readPostmaster(data)
    // The file may still be that of an earlier server.
    return postmaster?.socketFolder === run && postmaster.isReady ? true : undefined
  }, signal)
}

// Empty is the lock file of a server that starts at this very moment; not to be removed, one that another has removed.
const FOLDER_TAKEN =
  /lock file ".*" already exists|lock file ".*" is empty|could not remove old lock file|shared memory block .* still in use/

function refusal(keeper: Keeper, log: string): Refusal {
  if (FOLDER_TAKEN.test(log)) return { kind: 'folder-taken', log }
  if (log.includes('Address already in use')) return { kind: 'port-taken' }
  throw new KongTaskError(
    'KT_POSTGRES_START_FAILED',
    `PostgreSQL ended with code ${keeper.exitCode} instead of starting. The end of its log:\n${log}`,
  )
}

/** A log that can still be read when the keeper has removed its file. `text` is the end of what this start wrote. */
function openLog(file: string): { readonly fd: number; text(): string; close(): void } {
  // Without following a link: the folder can be one that belongs to the server's user, and we can be root.
  const fd = openSync(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
  // Years of development on one folder would fill the disk; what an older server said is of no use any more.
  if (fstatSync(fd).size > 10_000_000) ftruncateSync(fd)
  const before = fstatSync(fd).size
  return {
    fd,
    text() {
      const end = fstatSync(fd).size
      const start = Math.max(before, end - 4_000)
      const bytes = Buffer.alloc(end - start)
      readSync(fd, bytes, 0, bytes.length, start)
      return bytes.toString('utf8').trimEnd()
    },
    close: () => closeSync(fd),
  }
}
