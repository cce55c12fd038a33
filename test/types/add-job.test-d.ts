import { type } from 'arktype'
import { expectTypeOf } from 'expect-type'
import {
  defineTask,
  newJob,
  type AddedCounts,
  type AddedJob,
  type InputOf,
  type KongTask,
  type NewJobSpec,
  type OutputOf,
  type StreamOptions,
} from 'kongtask'
import { Client } from 'pg'
import * as v from 'valibot'
import { z } from 'zod'

declare const kong: KongTask

const mail = defineTask('mail', { payload: z.object({ to: z.string(), cc: z.array(z.string()).optional() }) })
const resize = defineTask('resize', { payload: z.object({ file: z.string(), widths: z.array(z.number()) }) })
const report = defineTask('report', { payload: z.object({ since: z.string().optional() }) })
const notice = defineTask('notice', {
  payload: z.discriminatedUnion('via', [
    z.object({ via: z.literal('sms'), number: z.string() }),
    z.object({ via: z.literal('post'), street: z.string() }),
  ]),
})
const open = defineTask('open')
const declared = defineTask<'declared', { file: string }>('declared')

interface User {
  id: string
  nested?: { tags: readonly string[]; note: string | null; since: string | undefined }
}
declare const user: User
declare const unknownJson: unknown

export function contracts(): void {
  expectTypeOf(mail.name).toEqualTypeOf<'mail'>()
  expectTypeOf<InputOf<typeof declared>>().toEqualTypeOf<{ file: string }>()
  expectTypeOf<OutputOf<typeof declared>>().toEqualTypeOf<{ file: string }>()
  expectTypeOf<InputOf<typeof open>>().toBeUnknown()
  expectTypeOf<InputOf<typeof mail | typeof resize>>().toEqualTypeOf<
    InputOf<typeof mail> & InputOf<typeof resize>
  >()
}

export function inputsAndOutputs(): void {
  const viaZod = defineTask('z', {
    payload: z.object({ at: z.iso.datetime().transform((text) => new Date(text)), n: z.number().default(1) }),
  })
  const viaValibot = defineTask('v', {
    payload: v.object({
      at: v.pipe(
        v.string(),
        v.transform((text) => new Date(text)),
      ),
      n: v.optional(v.number(), 1),
    }),
  })
  const viaArktype = defineTask('a', { payload: type({ at: 'string.date.iso.parse', n: 'number = 1' }) })
  expectTypeOf<InputOf<typeof viaZod>>().toEqualTypeOf<{ at: string; n?: number | undefined }>()
  expectTypeOf<OutputOf<typeof viaZod>>().toEqualTypeOf<{ at: Date; n: number }>()
  expectTypeOf<InputOf<typeof viaValibot>>().toEqualTypeOf<{ at: string; n?: number | undefined }>()
  expectTypeOf<OutputOf<typeof viaValibot>>().toEqualTypeOf<{ at: Date; n: number }>()
  expectTypeOf<InputOf<typeof viaArktype>>().toEqualTypeOf<{ at: string; n?: number }>()
  expectTypeOf<OutputOf<typeof viaArktype>>().toEqualTypeOf<{ at: Date; n: number }>()
  void kong.addJob(viaZod, { at: '2026-09-01T08:00:00Z' })
  void kong.addJob(viaValibot, { at: '2026-09-01T08:00:00Z' })
  void kong.addJob(viaArktype, { at: '2026-09-01T08:00:00Z' })
  // @ts-expect-error the output is not what is added
  void kong.addJob(viaZod, { at: new Date() })
  // @ts-expect-error the same for valibot
  void kong.addJob(viaValibot, { at: new Date() })
  // @ts-expect-error the same for arktype
  void kong.addJob(viaArktype, { at: new Date() })
}

export function oneJob(): void {
  expectTypeOf(kong.addJob(mail, { to: 'a' })).toEqualTypeOf<Promise<AddedJob>>()
  void kong.addJob(mail, { to: 'a', cc: ['b'] }, { scheduledIn: '5m', priority: undefined })
  void kong.addJob(notice, { via: 'post', street: 'x' })
  void kong.addJob(report)
  void kong.addJob(report, undefined, { queue: 'slow' })
  void kong.addJob(declared, { file: 'x' })
  // @ts-expect-error wrong type
  void kong.addJob(mail, { to: 5 })
  // @ts-expect-error a property is missing
  void kong.addJob(mail, {})
  // @ts-expect-error the payload is missing
  void kong.addJob(mail)
  // @ts-expect-error the payload is missing, though there are options
  void kong.addJob(mail, undefined, { queue: 'x' })
  // @ts-expect-error a stray property
  void kong.addJob(mail, { to: 'a', bcc: 'b' })
  // @ts-expect-error the other branch's property
  void kong.addJob(notice, { via: 'sms', street: 'x' })
  // @ts-expect-error the payload of another task
  void kong.addJob(mail, { file: 'x', widths: [1] })
  // @ts-expect-error declared is checked as well
  void kong.addJob(declared, { file: 1 })
  // @ts-expect-error fits one of the two tasks only
  void kong.addJob(Math.random() > 0.5 ? mail : resize, { to: 'a' })
  // @ts-expect-error no task
  void kong.addJob({ name: 'mail' }, { to: 'a' })
}

export function byName(): void {
  void kong.addJob('mail')
  void kong.addJob('mail', user)
  void kong.addJob('mail', unknownJson)
  void kong.addJob('mail', [1, 'a', null, { b: true }])
  void kong.addJob('mail', { optional: undefined })
  void kong.addJob(open, user)
  void kong.addJob(open)
  // @ts-expect-error a Date arrives as a string
  void kong.addJob('mail', { at: new Date() })
  // @ts-expect-error the same deep within
  void kong.addJob('mail', { rows: [{ at: new Date() }] })
  // @ts-expect-error the same for a task without a schema
  void kong.addJob(open, { at: new Date() })
  // @ts-expect-error a function
  void kong.addJob('mail', { f: () => 1 })
  // @ts-expect-error a symbol
  void kong.addJob('mail', { s: Symbol('x') })
  // @ts-expect-error a big integer
  void kong.addJob('mail', { n: 1n })
  // @ts-expect-error a map
  void kong.addJob('mail', new Map<string, string>())
}

export function options(): void {
  // @ts-expect-error misspelt
  void kong.addJob('mail', {}, { schedledIn: '5m' })
  // @ts-expect-error misspelt, by contract
  void kong.addJob(mail, { to: 'a' }, { schedledIn: '5m' })
  // @ts-expect-error wrong type
  void kong.addJob('mail', {}, { maxAttempts: '3' })
  void kong.addJob('mail', {}, { concurrency: 5, rateLimit: { limit: 5, per: '1m' } })
  void kong.addJob(mail, { to: 'a' }, { concurrency: { limit: 5, key: 'crm' } })
  void kong.addJob(
    mail,
    { to: 'a' },
    { concurrency: undefined, rateLimit: { limit: 5, per: 1, burst: undefined } },
  )
  const perhaps: { key: string | undefined } = { key: undefined }
  void kong.addJob('mail', {}, { concurrency: { limit: 5, ...perhaps } })
  void kong.addJobs([{ task: mail, payload: { to: 'a' }, concurrency: { limit: 5, by: 'to' } }])
  defineTask('x', { payload: z.object({ tenantId: z.string() }), concurrency: { limit: 5, by: 'tenantId' } })
  defineTask('x', { rateLimit: { limit: 5, per: '1m', burst: 5, key: 'crm' } })
  // @ts-expect-error a key or a path, not both
  void kong.addJob('mail', {}, { concurrency: { limit: 5, key: 'crm', by: 'to' } })
  // @ts-expect-error a path is text
  void kong.addJob('mail', {}, { concurrency: { limit: 5, by: ['to'] } })
  // @ts-expect-error misspelt
  void kong.addJob('mail', {}, { concurrency: { limit: 5, keys: 'crm' } })
  // @ts-expect-error misspelt, in a bulk
  void kong.addJobs([{ task: mail, payload: { to: 'a' }, concurrency: { limt: 5 } }])
  void kong.addJob('mail', {}, { retain: { finished: '1h', dead: '30d', logs: false } })
  void kong.addJobs([{ task: mail, payload: { to: 'a' }, retain: { logs: undefined } }])
  defineTask('x', { retain: { dead: '30d' } })
  defineTask('x', { retain: false })
  // @ts-expect-error misspelt
  void kong.addJob('mail', {}, { retain: { finnished: '1h' } })
  // @ts-expect-error dead letters are not dropped at once
  defineTask('x', { retain: { dead: false } })
  // @ts-expect-error no period
  void kong.addJob('mail', {}, { rateLimit: { limit: 5 } })
  // @ts-expect-error a rate is no number
  defineTask('x', { rateLimit: 5 })
  // @ts-expect-error null is not "not given"
  void kong.addJob('mail', {}, { queue: null })
  // @ts-expect-error unknown option of a task
  defineTask('x', { scheduledAt: '2026-09-01T08:00:00Z' })
  // @ts-expect-error unknown option beside a schema
  defineTask('x', { payload: z.string(), scheduledAt: '2026-09-01T08:00:00Z' })
  // @ts-expect-error the schema wants a Date, which no JSON can be
  defineTask('x', { payload: z.object({ at: z.date() }) })
  // @ts-expect-error no schema
  defineTask('x', { payload: { to: 'string' } })
}

const rows: { id: number }[] = []

export function manyJobs(): void {
  expectTypeOf(kong.addJobs([])).toEqualTypeOf<Promise<AddedJob[]>>()
  void kong.addJobs([
    { task: mail, payload: { to: 'a', cc: ['b', 'c'] }, priority: 2, tags: ['x'], scheduledIn: undefined },
    { task: resize, payload: { file: 'x', widths: [1, 2] } },
    { task: notice, payload: { via: 'sms', number: '1' } },
    { task: report },
    { task: open, payload: user },
    { task: open },
    { task: 'by-name', payload: user },
    { task: 'by-name' },
  ])
  const list = [
    { task: mail, payload: { to: 'a' } },
    { task: resize, payload: { file: 'x', widths: [1] } },
    { task: open },
  ]
  void kong.addJobs(list)
  void kong.addJobs(rows.map(({ id }) => ({ task: resize, payload: { file: String(id), widths: [id] } })))
  const readonlyList: readonly { task: typeof mail; payload: { to: string } }[] = []
  void kong.addJobs(readonlyList)
  void kong.addJobs([
    // @ts-expect-error swapped payloads, here
    { task: mail, payload: { file: 'x', widths: [1] } },
    // @ts-expect-error and here
    { task: resize, payload: { to: 'a' } },
  ])
  const swapped = [
    { task: mail, payload: { file: 'x', widths: [1] } },
    { task: resize, payload: { to: 'a' } },
  ]
  // @ts-expect-error swapped payloads in a list made before
  void kong.addJobs(swapped)
  // @ts-expect-error wrong type from a map
  void kong.addJobs(rows.map(({ id }) => ({ task: mail, payload: { to: id } })))
  // @ts-expect-error the payload is missing
  void kong.addJobs([{ task: report }, { task: mail }])
  // @ts-expect-error misspelt option
  void kong.addJobs([{ task: mail, payload: { to: 'a' }, prioritty: 2 }])
  // @ts-expect-error option of the wrong type
  void kong.addJobs([{ task: mail, payload: { to: 'a' }, priority: 'high' }])
  // @ts-expect-error a Date by name
  void kong.addJobs([{ task: 'by-name', payload: { at: new Date() } }])
  // @ts-expect-error no task
  void kong.addJobs([{ payload: {} }])
  // @ts-expect-error not a list
  void kong.addJobs({ task: mail, payload: { to: 'a' } })
}

declare const source: AsyncIterable<NewJobSpec>

export function streams(): void {
  expectTypeOf(kong.addJobs(source)).toEqualTypeOf<Promise<AddedCounts>>()
  expectTypeOf<AddedCounts>().toEqualTypeOf<{
    readonly added: number
    readonly skipped: number
    readonly replaced: number
  }>()
  const onAdded = async (jobs: readonly AddedJob[], first: number): Promise<void> => void [jobs, first]
  expectTypeOf<{ onAdded: typeof onAdded }>().toExtend<StreamOptions>()
  void kong.addJobs(source, { onAdded })
  void kong.addJobs(source, { onAdded: (jobs) => void jobs[0]?.id })
  void kong.addJobs(source, { onAdded: undefined })
  void kong.addJobs(source, {})
  void kong.with(new Client()).addJobs(source, { onAdded })
  // @ts-expect-error misspelt
  void kong.addJobs(source, { onadded: onAdded })
  // @ts-expect-error not a function
  void kong.addJobs(source, { onAdded: true })
  // @ts-expect-error for streams only: a list has its answers
  void kong.addJobs([newJob(report)], { onAdded })
  async function* loose(): AsyncGenerator<{ task: typeof mail; payload: { to: number } }> {
    yield { task: mail, payload: { to: 5 } }
  }
  // @ts-expect-error a stream is of what newJob returned: only that has checked the payload
  void kong.addJobs(loose())
}

export function iterables(): void {
  void kong.addJobs(rows.map(({ id }) => newJob(mail, { to: String(id) }, { priority: 2 })))
  void kong.addJobs(new Set([newJob(report), newJob('by-name', user), newJob(open)]))
  // @ts-expect-error wrong type
  newJob(mail, { to: 5 })
  // @ts-expect-error the payload is missing
  newJob(mail)
  // @ts-expect-error a Date by name
  newJob('by-name', { at: new Date() })
  // @ts-expect-error misspelt option
  newJob(mail, { to: 'a' }, { prioritty: 2 })
}
