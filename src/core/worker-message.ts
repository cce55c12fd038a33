import { isPlainObject } from './plain-object.ts'

/** What a process is told from outside. */
export type WorkerMessage =
  /** A job that it has was cancelled: stop working on it. */
  | { readonly kind: 'cancel'; readonly job: string; readonly reason: string }
  /** A queue or a task was paused: give back what has not started. */
  | { readonly kind: 'pause'; readonly queue: number | undefined; readonly task: number | undefined }
  /** Stop claiming, let handlers end, and stop. */
  | { readonly kind: 'drain' }

/** Undefined for what this version does not know, which a newer one may have said. */
export function readWorkerMessage(body: unknown): WorkerMessage | undefined {
  if (!isPlainObject(body)) return undefined
  const { kind, job, reason, queue, task } = body
  if (kind === 'cancel' && typeof job === 'string')
    return { kind, job, reason: typeof reason === 'string' ? reason : '' }
  if (kind === 'pause') return { kind, queue: numberOrNot(queue), task: numberOrNot(task) }
  return kind === 'drain' ? { kind } : undefined
}

function numberOrNot(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
