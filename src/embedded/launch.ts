import type { Binaries, Wanted } from './find-binaries.ts'
import type { RunAs } from './run-as.ts'
import { makeRunFolder, removeRunFolder } from './run-folder.ts'
import { type ServerStart, startServer } from './server.ts'

/** The options of a start, with everything decided. */
export interface Plan {
  readonly source: Wanted['source']
  readonly durable: boolean
  readonly settings: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export interface Launch {
  readonly plan: Plan
  readonly as: RunAs
  readonly binaries: Binaries
  /** The signal that is to stop the server in the end. */
  readonly how: 'INT' | 'QUIT'
  /** Makes the data folder ready, which may lie in the run folder. */
  readonly prepare: (runFolder: string) => Promise<{ readonly data: string; readonly logFile: string }>
}

/** One attempt to start a server, in a run folder of its own, which is gone again unless the server runs. */
export async function launch({ plan, as, binaries, how, prepare }: Launch): Promise<ServerStart> {
  const { signal, settings } = plan
  signal.throwIfAborted()
  const runFolder = await makeRunFolder(as)
  let isRunning = false
  try {
    const { data, logFile } = await prepare(runFolder.path)
    const started = await startServer({ data, logFile, runFolder, binaries, as, how, settings, signal })
    isRunning = started.kind === 'running'
    return started
  } finally {
    runFolder.opening.release()
    if (!isRunning) await removeRunFolder(runFolder.path, as)
  }
}
