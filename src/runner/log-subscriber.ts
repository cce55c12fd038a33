// All wording and levels of what a runner logs by itself. The code emits events; only this file makes sentences.
import type { Events } from '../core/events.ts'
import type { JobFacts } from '../core/job-facts.ts'
import type { Logger } from '../core/logger.ts'
import type { Emitter } from '../runtime/emitter.ts'

/** Logs what happens from now on. */
export function logEvents(events: Emitter<Events>, logger: Logger): void {
  events.on('worker.started', ({ worker, queues }) =>
    logger.info('KongTask worker started', { worker, queues }),
  )
  events.on('worker.draining', ({ worker }) =>
    logger.info('KongTask worker was told to drain and stop', { worker }),
  )
  events.on('worker.stopping', ({ worker, running }) =>
    logger.info('KongTask worker is stopping', { worker, running }),
  )
  events.on('worker.stopped', ({ worker }) => logger.info('KongTask worker stopped', { worker }))
  events.on('worker.lease_lost', ({ worker, running }) =>
    logger.error('This process lost its lease; its jobs may run elsewhere', { worker, running }),
  )
  events.on('worker.rescued', ({ workers, jobs }) =>
    logger.warn('Jobs of dead workers went back to their queues', { workers, jobs }),
  )
  events.on('worker.weather', ({ doing, error, attempt }) =>
    logger.warn(`The database did not let us ${doing}; trying again`, { attempt, error: shortError(error) }),
  )
  events.on('worker.not_allowed', ({ doing, error }) =>
    logger.warn(
      `The database role of this process may not ${doing}; that is left to a process of the owner of the tables (docs/access.md)`,
      { error: shortError(error) },
    ),
  )
  events.on('worker.outdated', ({ job, version, knows, delay }) =>
    logger.warn(
      'Jobs of a task are of a newer version than this process knows; they wait for a process with newer code (KT_PAYLOAD_NEWER)',
      { ...fields(job), version, knows, nextLookInMs: delay },
    ),
  )
  events.on('worker.logs_dropped', ({ lines }) =>
    logger.warn('Lines that handlers logged could not be stored and are lost', { lines }),
  )
  events.on('schedule.failed', ({ schedule, error, retryIn }) =>
    logger.error('A schedule could not fire', { schedule, retryInMs: retryIn, error: shortError(error) }),
  )
  events.on('schedule.declared', ({ schedule, done }) => {
    if (done !== 'kept') logger.info(`Schedule ${done}`, { schedule })
    else {
      logger.warn('A schedule of this name was made by somebody else, and stays as it is', { schedule })
    }
  })
  events.on('schedule.superseded', ({ application }) =>
    logger.info('A newer version of this application runs; its schedules hold', { application }),
  )
  events.on('job.stuck', ({ job }) =>
    logger.error('A handler ignores its signal; its slot was opened for others', { ...fields(job) }),
  )
  events.on('job.lost', ({ job, certain }) =>
    logger.warn('A job was no longer ours when it ended; nothing was recorded', { ...fields(job), certain }),
  )
  events.on('job.result_dropped', ({ job, why }) =>
    logger.warn('The result of a completed job was not kept', { ...fields(job), why }),
  )
  events.on('job.backoff_failed', ({ job, error, delay }) =>
    logger.error('The backoff policy of a task failed; the default policy was used', {
      ...fields(job),
      retryInMs: delay,
      error: shortError(error),
    }),
  )
  events.on('job.outcome_ignored', ({ job, settlement }) =>
    logger.warn(
      'A job had completed in its transaction already; what its handler came to behind that was ignored',
      {
        ...fields(job),
        ignored: settlement.kind,
        ...('error' in settlement ? { error: `${settlement.error.name}: ${settlement.error.message}` } : {}),
      },
    ),
  )
  events.on('job.failed', ({ job, settlement }) => logFailure(logger, job, settlement))
}

function logFailure(logger: Logger, job: JobFacts, settlement: Events['job.failed']['settlement']): void {
  const error = `${settlement.error.name}: ${settlement.error.message}`
  if (settlement.kind === 'retry') {
    const when = settlement.at === undefined ? { retryInMs: settlement.delay } : { retryAt: settlement.at }
    logger.warn('Job failed, will be retried', { ...fields(job), ...when, error })
  } else {
    logger.error('Job is dead', { ...fields(job), reason: settlement.reason, error })
  }
}

function fields({ id, task, queue, attempt, maxAttempts }: JobFacts): Record<string, unknown> {
  return { jobId: id, task, queue, attempt, maxAttempts }
}

function shortError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
