import { expectTypeOf } from 'expect-type'
import {
  defineTask,
  done,
  exponential,
  failed,
  handleChunk,
  RetryableError,
  snooze,
  type BackoffPolicy,
  type JobContext,
  type JobFacts,
  type Json,
  type KongTask,
  type Middleware,
  type Runner,
  type RunnerOptions,
  type Settlement,
  type TaskList,
} from 'kongtask'
import { z } from 'zod'

const page = defineTask('page', {
  payload: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
})

export function chunks(): TaskList {
  // @ts-expect-error a size must be given
  handleChunk(page, {}, () => undefined)
  // @ts-expect-error there is no such option
  handleChunk(page, { size: 1, every: '1s' }, () => undefined)
  // @ts-expect-error a result must be called done, lest something else be taken for one
  handleChunk(page, { size: 1 }, () => ['result'])
  // @ts-expect-error the payload is the schema's output
  handleChunk(page, { size: 1 }, (jobs: readonly { payload: { at: string } }[]) => void jobs)
  return [
    handleChunk(page, { size: 10, wait: '1s' }, async (jobs, { signal, withTransaction }) => {
      expectTypeOf(jobs[0]?.payload).toEqualTypeOf<{ at: Date } | undefined>()
      expectTypeOf(jobs[0]?.context).toEqualTypeOf<JobContext | undefined>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      await withTransaction(async (tx) => tx.query('select 1'))
      return [done(), done({ any: 'result' }), failed(new Error('no')), snooze('1m')]
    }),
    handleChunk(defineTask('all'), { size: 10 }, (jobs) => Promise.allSettled(jobs.map(async () => 1))),
    handleChunk(
      defineTask('map'),
      { size: 10 },
      (jobs) => new Map(jobs.map(({ context }) => [context.job.id, done()])),
    ),
    handleChunk(defineTask('nothing'), { size: 10 }, async () => {}),
  ]
}

export const layers: Middleware[] = [
  async (context, next) => {
    expectTypeOf(context).toEqualTypeOf<JobContext>()
    expectTypeOf(next()).toEqualTypeOf<Promise<unknown>>()
    return snooze('1m')
  },
  (_, next) => next(),
]
export const withLayers: Pick<RunnerOptions, 'middleware' | 'stuckAfter'> = {
  middleware: layers,
  stuckAfter: '1m',
}

export const policies: BackoffPolicy[] = [
  exponential(),
  () => '10m',
  (attempt, { job, error }) => {
    expectTypeOf(job).toEqualTypeOf<JobFacts>()
    expectTypeOf(error).toBeUnknown()
    return exponential({ base: '1s' })(attempt)
  },
  // @ts-expect-error it must answer at once
  () => Promise.resolve(5),
]

export function errors(): void {
  void new RetryableError('busy', { retryIn: '1m' })
  void new RetryableError('busy', { retryAt: new Date() })
  // @ts-expect-error a number could be anything
  void new RetryableError('busy', { retryAt: 5 })
}

export async function events(runner: Runner, kong: KongTask): Promise<void> {
  for await (const item of runner.events(['job.settled', 'worker.stopped'], { buffer: 5 })) {
    expectTypeOf(item.name).toEqualTypeOf<'job.settled' | 'worker.stopped'>()
    if (item.name === 'job.settled') expectTypeOf(item.event.settlement).toEqualTypeOf<Settlement>()
    else expectTypeOf(item.event.worker).toBeNumber()
  }
  // @ts-expect-error no event is called so
  runner.events(['job.done'])
  expectTypeOf(await kong.jobs.result('1')).toEqualTypeOf<Json | undefined>()
  // @ts-expect-error there is no such option
  await kong.jobs.result('1', { wait: '1s' })
}
