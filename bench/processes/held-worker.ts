// The child's half of held-xmin: a process of its own that works, says every few milliseconds how far it is, and at the
// end what it did. The parent's half is worker-processes.ts.
import { HeldLog } from './held-load.ts'

/** How far a process was, when. */
export interface Tick {
  readonly at: number
  readonly started: number
  readonly completed: number
}

export interface Report {
  readonly kind: 'report'
  /** How often each job ran. */
  readonly runs: Uint8Array
  readonly lateStarts: readonly (readonly [n: number, at: number])[]
}

export type WorkerMessage =
  { readonly kind: 'ready' } | { readonly kind: 'tick'; readonly tick: Tick } | Report

/** Whether it is of a worker's. What a kind has is ours to know: both ends are this file. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return typeof message === 'object' && message !== null && 'kind' in message
}

const TICK_MS = 10

/** Works until the parent says stop, or is gone. `start` begins and answers how to stop. */
export async function workHeld(
  start: (connectionString: string, log: HeldLog) => Promise<() => Promise<void>>,
): Promise<void> {
  const [connectionString = '', jobs = ''] = process.argv.slice(2)
  const log = new HeldLog(Number(jobs))
  process.once('disconnect', () => process.exit(1))
  const stop = await start(connectionString, log)
  let said = -1
  const tick = (): void => {
    const { startedCount: started, completedCount: completed } = log
    if (started + completed === said) return
    said = started + completed
    say({ kind: 'tick', tick: { at: Date.now(), started, completed } })
  }
  const ticking = setInterval(tick, TICK_MS)
  process.once('message', () => {
    clearInterval(ticking)
    void stop().then(() => {
      tick()
      say({ kind: 'report', runs: log.runs, lateStarts: log.lateStarts }, () => process.exit(0))
    })
  })
  say({ kind: 'ready' })
}

function say(message: WorkerMessage, onSent: () => void = () => undefined): void {
  process.send?.(message, onSent)
}
