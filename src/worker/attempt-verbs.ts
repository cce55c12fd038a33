import type { Duration } from '../core/duration.ts'
import type { JobContext } from '../core/job-context.ts'
import type { AttemptRecord } from './attempt-record.ts'
import { complete, type CompletionOptions } from './completion.ts'
import { Steps, type StepsOptions } from './steps.ts'

export type AttemptVerbsOptions = CompletionOptions & StepsOptions

/** What of a handler's context writes about its job, each under the job's lease. */
export type AttemptVerbs = Pick<JobContext, 'complete' | 'step' | 'sleep'>

export function attemptVerbs(record: AttemptRecord, options: AttemptVerbsOptions): AttemptVerbs {
  const steps = new Steps(record, options)
  return {
    complete: (tx, result) => complete(record, tx, result, options),
    step: (name, work, how) => steps.step(name, work, how),
    sleep: (nameOrDuration: Duration, duration?: Duration) => steps.sleep(nameOrDuration, duration),
  }
}
