import type { AttemptRecords } from './attempt-record.ts'
import { attemptVerbs } from './attempt-verbs.ts'
import type { ContextServices } from './job-context.ts'
import type { ProgressWriter } from './progress-writer.ts'
import type { Reporter } from './reporter.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The shortest time that a handler's transaction may idle while it holds a job; else a lease. Milliseconds. */
const SHORTEST_IDLE = 5_000

export interface HandlerServicesOptions extends Pick<
  WorkerOptions,
  'store' | 'lease' | 'queues' | 'services' | 'now'
> {
  readonly records: AttemptRecords
  readonly progress: ProgressWriter
  readonly reporter: Reporter
}

/** What handlers' contexts are made of: what the runner gives, and what only a worker can do for them. */
export function handlerServices(options: HandlerServicesOptions): ContextServices {
  const { store, lease, queues, services, now, records, progress, reporter } = options
  const onWeather = reporter.weather('store the step of a job')
  return {
    ...services,
    queueName: (queue) => queues.name(queue),
    onProgress: ({ job, hasEnded }, done, total, note) => {
      if (!hasEnded) progress.report(job, done, total, note)
      reporter.progress(job, done, total, note)
    },
    verbs: (running) =>
      attemptVerbs(records.of(running), {
        store,
        idle: Math.max(SHORTEST_IDLE, lease.duration),
        now,
        onWeather,
        onResultDropped: ({ job }, why) => reporter.resultDropped(job, why),
      }),
  }
}
