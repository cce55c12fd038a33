import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Settings } from '../app/settings.ts'

/** What a handler said with `progress`. */
export type Progress = z.output<typeof progressSchema>

const progressSchema = z.object({
  task: z.string(),
  done: z.number(),
  total: z.number(),
  note: z.string().optional(),
})

export interface WorkerProcess {
  readonly pid: number
  /** Rejects when the process ends without having been asked to. */
  readonly died: Promise<never>
  stop(): Promise<void>
}

export interface WorkerProcessOptions {
  readonly settings: Settings
  readonly logFile: string
  readonly onProgress: (progress: Progress) => void
}

/** Milliseconds, after which a process that was asked to stop is killed: its grace period and some more. */
const PATIENCE = 15_000

/** Starts worker-process.ts and resolves when it works. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const child = fork(fileURLToPath(new URL('worker-process.ts', import.meta.url)), {
    env: { ...process.env, ...options.settings, LOG_FILE: options.logFile },
    // Out of reach of the terminal's Ctrl-C, which would otherwise stop it behind the demo's back.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const complaints = lastLinesOf(child)
  let isStopping = false
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const died = ended.then((): Promise<never> => {
    if (isStopping) return new Promise(() => undefined)
    throw new Error(
      `The worker process ended with ${child.signalCode ?? `code ${child.exitCode}`}.\n${complaints()}`,
    )
  })
  // Whoever waits for it hears of it; nobody may be waiting at the time.
  died.catch(() => undefined)

  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if (message === 'ready') resolve()
      const progress = progressSchema.safeParse(message)
      if (progress.success) options.onProgress(progress.data)
    })
  })
  await Promise.race([ready, died])
  return {
    pid: child.pid ?? 0,
    died,
    async stop() {
      isStopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
      await ended
      clearTimeout(impatience)
    },
  }
}

function lastLinesOf(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4_000)
  })
  return () => text.trim()
}
