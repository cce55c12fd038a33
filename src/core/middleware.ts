import type { JobContext } from './job-context.ts'

/**
 * A layer around the handlers of a runner. `next()` runs the layers within and, at last, the handler, and resolves with
 * what it returned. What a layer returns takes the place of that, what it throws counts as thrown by the handler: a
 * failure to retry, or a `PermanentError`. Without `next()` the handler is not run.
 *
 * `next` may be called once, before the layer ends; KT_MIDDLEWARE_INVALID otherwise. A layer that ends early keeps the
 * attempt open until what it began has ended.
 *
 * @example
 * const traced: Middleware = ({ job }, next) =>
 *   tracer.startActiveSpan(job.task, (span) => next().finally(() => span.end()))
 */
export type Middleware = (context: JobContext, next: () => Promise<unknown>) => unknown
