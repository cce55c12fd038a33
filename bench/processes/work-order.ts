// What a process that runs a system is told, and what it answers: plain JSON, as the two may be of different Node versions.
import type { Measured } from '../frame/measure.ts'
import type { DrainLoad } from '../loads/drain-load.ts'
import type { OpenOptions } from '../loads/job-system.ts'
import type { MixedLoad } from '../loads/mixed-load.ts'
import type { SteadyLoad } from '../loads/steady-load.ts'

export const SYSTEMS = [
  'kongtask',
  'in-memory',
  'graphile-worker',
  'pg-boss',
  'bullmq-redis',
  'bullmq-postgres',
] as const

export type SystemName = (typeof SYSTEMS)[number]

export type Load =
  | ({ readonly kind: 'drain' } & DrainLoad)
  | ({ readonly kind: 'steady' } & SteadyLoad)
  /** The other process of a steady load. */
  | ({ readonly kind: 'produce' } & SteadyLoad)
  | ({ readonly kind: 'mixed' } & MixedLoad)

export interface WorkOrder {
  readonly system: SystemName
  readonly options: Omit<OpenOptions, 'queues'>
  readonly load: Load
}

export type Answer = { readonly measured: Measured } | { readonly error: string }

/** Whether it is of run-system.ts; what an answer has is ours to know, both ends being ours. */
export function isAnswer(message: unknown): message is Answer {
  return typeof message === 'object' && message !== null && ('measured' in message || 'error' in message)
}
