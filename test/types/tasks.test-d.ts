import { expectTypeOf } from 'expect-type'
import {
  defineTask,
  exponential,
  handle,
  type Handler,
  type JobContext,
  newJob,
  type InputOf,
  type JobOptions,
  type Json,
  type KongTask,
  type OutputOf,
  type Task,
  type TaskList,
  type TaskObject,
} from 'kongtask'
import { z } from 'zod'

const mail = defineTask('mail', {
  payload: z.object({ to: z.string(), at: z.iso.datetime().transform((text) => new Date(text)) }),
  backoff: exponential({ base: '1s', max: '1h' }),
})

interface Storage {
  read(file: string): Promise<Uint8Array>
}
class ProcessImage {
  readonly name = 'process_image'
  readonly #storage: Storage
  constructor(storage: Storage) {
    this.#storage = storage
  }
  async handle(payload: { file: string }, context: JobContext): Promise<number> {
    context.signal.throwIfAborted()
    return (await this.#storage.read(payload.file)).length
  }
}
class Documented implements TaskObject {
  readonly name = 'documented'
  readonly payload = z.string()
  handle(payload: string): void {
    expectTypeOf(payload).toBeString()
  }
}

const versioned = defineTask('mail', {
  payload: z.object({ to: z.string(), n: z.number().default(1) }),
  version: 2,
  upcast: (payload, from) => {
    expectTypeOf(payload).toBeUnknown()
    expectTypeOf(from).toBeNumber()
    return { to: String(payload) }
  },
})

export function versions(): void {
  expectTypeOf<InputOf<typeof versioned>>().toEqualTypeOf<{ to: string; n?: number | undefined }>()
  expectTypeOf<OutputOf<typeof versioned>>().toEqualTypeOf<{ to: string; n: number }>()
  defineTask('mail', { payload: z.string(), version: 3, upcast: async (payload) => String(payload) })
  defineTask('text', { raw: true, version: 2, upcast: (text, from) => `${from} ${String(text)}` })
  // Without a declared payload anything goes, and nothing is inferred from it.
  const open = defineTask('open', { version: 2, upcast: () => ({ to: 'x' }) })
  expectTypeOf<OutputOf<typeof open>>().toEqualTypeOf<Json>()
  defineTask<'resize', { file: string }>('resize', { version: 2, upcast: (file) => ({ file: String(file) }) })
  // @ts-expect-error upcast must return what the schema takes
  defineTask('mail', { payload: z.object({ to: z.string() }), version: 2, upcast: () => ({ to: 5 }) })
  // @ts-expect-error and all of it
  defineTask('mail', { payload: z.object({ to: z.string() }), version: 2, upcast: () => ({}) })
  // @ts-expect-error a declared payload counts as well
  defineTask<'resize', { file: string }>('resize', { version: 2, upcast: () => ({ file: 5 }) })
  // @ts-expect-error raw tasks are text
  defineTask('text', { raw: true, version: 2, upcast: () => 5 })
  // @ts-expect-error a number
  defineTask('mail', { version: '2' })
}

const recipientOf: Handler<{ to: string }> = ({ to }) => to

export function handlers(): void {
  handle(mail, (payload, context) => {
    expectTypeOf(payload).toEqualTypeOf<{ to: string; at: Date }>()
    expectTypeOf(context).toEqualTypeOf<JobContext>()
    expectTypeOf(context.job.payload).toBeUnknown()
  })
  handle(mail, async ({ to }, { addJob, logger, job }) => {
    logger.info('sending', { to, attempt: job.attempt })
    await addJob(mail, { to, at: '2026-09-01T08:00:00Z' })
    // @ts-expect-error checked in a handler too
    await addJob(mail, { to: 5, at: '' })
  })
  handle(mail, (payload: { to: string }) => payload.to)
  handle(defineTask('open'), (payload) => {
    expectTypeOf(payload).toEqualTypeOf<Json>()
  })
  handle(defineTask<'declared', { file: string }>('declared'), ({ file }) => {
    expectTypeOf(file).toBeString()
  })
  handle(mail, recipientOf)
  // @ts-expect-error expects another payload
  handle(mail, (payload: { file: string }) => payload.file)
  // @ts-expect-error expects the input, and receives the output
  handle(mail, (payload: { to: string; at: string }) => payload.at)
  // @ts-expect-error the context is what it is
  handle(mail, (_payload, context: { nothing: true }) => context.nothing)
  // @ts-expect-error no contract
  handle({ name: 'mail' }, () => 1)
}

const imported = defineTask('import', { raw: true, queue: 'slow' })

export function rawTasks(kong: KongTask): void {
  expectTypeOf<InputOf<typeof imported>>().toBeString()
  expectTypeOf<OutputOf<typeof imported>>().toBeString()
  handle(imported, (payload, { rawPayload }) => {
    expectTypeOf(payload).toBeString()
    expectTypeOf(rawPayload).toBeString()
  })
  void kong.addJob(imported, '{"n": 12345678901234567890}', { priority: 2 })
  void kong.addJobs([{ task: imported, payload: '[]' }])
  void kong.addJobs([newJob(imported, '1')])
  // @ts-expect-error the text is missing
  void kong.addJob(imported)
  // @ts-expect-error text is wanted
  void kong.addJob(imported, { n: 1 })
  // @ts-expect-error text is wanted in a bulk, too
  void kong.addJobs([{ task: imported, payload: [1] }])
  // @ts-expect-error text is wanted of newJob
  newJob(imported, 5)
  // @ts-expect-error the handler receives text
  handle(imported, (payload: { n: number }) => payload.n)
  // @ts-expect-error there is nothing for a schema to check
  defineTask('both', { raw: true, payload: z.string() })
  // @ts-expect-error not a boolean
  defineTask('maybe', { raw: 'yes' })
  expectTypeOf(defineTask('not', { raw: false })).toEqualTypeOf<Task<'not', unknown, Json>>()
}

export function taskOptions(): void {
  defineTask('all', {
    scheduledIn: '5m',
    queue: 'q',
    maxAttempts: 3,
    priority: 0,
    tags: ['a'],
    timeout: 1_000,
    retain: false,
    metadata: { a: 1 },
    uniqueKey: 'k',
    uniqueFor: '1h',
    onConflict: 'keep_schedule',
    serialKey: 's',
    flags: ['gpu'],
    backoff: undefined,
  })
  const fixed: readonly string[] = ['a']
  defineTask('readonly', { tags: fixed, flags: fixed })
  // @ts-expect-error no fixed time for all jobs of a task
  defineTask('x', { scheduledAt: new Date(0) })
  // @ts-expect-error no such way
  defineTask('x', { uniqueKey: 'k', onConflict: 'overwrite' })
  // @ts-expect-error camel case is for names, not for values
  defineTask('x', { uniqueKey: 'k', onConflict: 'keepSchedule' })
  // @ts-expect-error a key is text
  defineTask('x', { uniqueKey: 7 })
  // @ts-expect-error a key is text
  defineTask('x', { serialKey: ['a'] })
  // @ts-expect-error a duration is not a yes or no
  defineTask('x', { uniqueFor: true })
  // @ts-expect-error a list is wanted
  defineTask('x', { flags: 'gpu' })
  // @ts-expect-error null is not "not given"
  defineTask('x', { uniqueKey: null })
}

export function jobOptions(kong: KongTask): void {
  const options: JobOptions = {
    uniqueKey: 'k',
    uniqueFor: '1h',
    onConflict: 'replace',
    serialKey: undefined,
    flags: ['gpu'],
    scheduledAt: new Date(0),
  }
  void kong.addJob('mail', {}, options)
  void kong.addJobs([{ task: 'mail', ...options }])
  // @ts-expect-error no such way
  void kong.addJob('mail', {}, { onConflict: 'ignore' })
  // @ts-expect-error a key is text
  void kong.addJobs([{ task: 'mail', serialKey: 7 }])
  // @ts-expect-error another system's name
  void kong.addJob('mail', {}, { jobKey: 'k' })
}

export function taskLists(storage: Storage): void {
  const array: TaskList = [
    handle(mail, ({ to }) => to),
    new ProcessImage(storage),
    new Documented(),
    { name: 'plain', handle: () => 1 },
    { name: 'annotated', handle: async (payload: { to: string }) => payload.to },
    { name: 'with_schema', payload: z.object({ to: z.string() }), handle: (payload) => payload },
  ]
  const record: TaskList = {
    plain: async (payload, context) => {
      expectTypeOf(payload).toBeUnknown()
      context.logger.info('x')
    },
    annotated: (payload: { to: string }, context: JobContext) => context.progress(1, payload.to.length),
    contract: handle(mail, ({ to }) => to),
    image: new ProcessImage(storage),
    nameless: { handle: (payload: { to: string }) => payload.to },
  }
  // @ts-expect-error a function in an array has no name
  const nameless: TaskList = [async () => 1]
  // @ts-expect-error a contract has no handler
  const unhandled: TaskList = [mail]
  // @ts-expect-error the method is called something else
  const misnamed: TaskList = [{ name: 'x', perform: () => 1 }]
  void [array, record, nameless, unhandled, misnamed]
}
