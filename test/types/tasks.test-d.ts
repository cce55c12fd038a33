import { expectTypeOf } from 'expect-type'
import {
  defineTask,
  exponential,
  handle,
  type Handler,
  type JobContext,
  type Json,
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
