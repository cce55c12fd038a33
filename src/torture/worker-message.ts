import type { GroundNames } from './ground.ts'

/** The application's code of a deployment: which tasks it knows. */
export type Version = 'old' | 'new'

/** What a worker process is told when it begins. */
export interface WorkerOrders {
  /** What it signs with in the record. */
  readonly process: number
  readonly connectionString: string
  readonly names: GroundNames
  readonly version: Version
  /** Milliseconds. */
  readonly lease: number
}

/** To a worker process. */
export type WorkerOrder =
  { readonly what: 'begin'; readonly orders: WorkerOrders } | { readonly what: 'stop' }

/** From a worker process. */
export type WorkerReport =
  | { readonly what: 'working' }
  | { readonly what: 'stopped' }
  | { readonly what: 'weather'; readonly doing: string; readonly error: string }

export function isWorkerOrder(message: unknown): message is WorkerOrder {
  return isMessage(message) && (message.what === 'begin' || message.what === 'stop')
}

export function isWorkerReport(message: unknown): message is WorkerReport {
  return isMessage(message) && ['working', 'stopped', 'weather'].includes(String(message.what))
}

function isMessage(message: unknown): message is { readonly what: unknown } {
  return typeof message === 'object' && message !== null && 'what' in message
}
