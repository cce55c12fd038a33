import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type } from 'arktype'
import { defineTask, handle, type HandledTask } from 'kongtask'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { settled, useJourney } from './journey.ts'

const app = useJourney()
const seen: unknown[] = []
const see = (payload: unknown): void => void seen.push(payload)

const zodTask = defineTask('zod', {
  payload: z.object({ at: z.iso.datetime().transform((text) => new Date(text)), n: z.number().default(7) }),
})
const valibotTask = defineTask('valibot', {
  payload: v.object({
    at: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
    n: v.optional(v.number(), 7),
  }),
})
const arktypeTask = defineTask('arktype', {
  payload: type({ at: type('string').pipe((text) => new Date(text)), n: 'number = 7' }),
})
const asyncTask = defineTask('async', {
  payload: z.object({ at: z.string().transform(async (text) => new Date(text)), n: z.number().default(7) }),
})
const validators: readonly (readonly [name: string, task: HandledTask])[] = [
  ['zod', handle(zodTask, see)],
  ['valibot', handle(valibotTask, see)],
  ['arktype', handle(arktypeTask, see)],
  ['async', handle(asyncTask, see)],
]
const at = '2026-01-02T03:04:05Z'

describe.each(validators)('a payload with a schema of %s', (name, task) => {
  it('reaches the handler transformed and with its defaults, stored as it was given', async () => {
    seen.length = 0
    const runner = await app.run([task])
    const done = settled(runner, 2)
    const byTask = await Reflect.apply(app.kong.addJob, undefined, [task.task, { at }])
    await app.kong.addJob(name, { at, n: 8 })
    await done
    expect(seen.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual([
      { at: new Date(at), n: 7 },
      { at: new Date(at), n: 8 },
    ])
    expect(await app.job(String(byTask.id))).toMatchObject({ payload: { at } })
  })

  it('that does not fit is dead at the first attempt, with the words of the validator', async () => {
    seen.length = 0
    const runner = await app.run([task])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob(name, { at: 5 })
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', reason: 'permanent' } }])
    const [error] = (await app.job(id)).errors
    expect(error).toMatchObject({ attempt: 1, name: 'PermanentError', cause: { code: 'KT_PAYLOAD_INVALID' } })
    // Each says it in its own words, and all say where.
    expect(error?.message).toMatch(/`?at`?/)
    expect(error?.message.toLowerCase()).toContain('string')
    expect(seen).toEqual([])
  })
})

describe('a schema that throws instead of judging', () => {
  const bug = new TypeError('a bug in the schema')
  const schemaOf = (validate: () => Promise<never>): StandardSchemaV1<string> => ({
    '~standard': { version: 1, vendor: 'test', validate },
  })

  it.each([
    [
      'at once',
      schemaOf(() => {
        throw bug
      }),
    ],
    ['later', schemaOf(() => Promise.reject(bug))],
  ])('%s, makes the job dead with the cause', async (_, payload) => {
    const runner = await app.run([handle(defineTask('work', { payload }), see)])
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work', 'x')
    expect(await done).toMatchObject([{ settlement: { kind: 'dead', reason: 'permanent' } }])
    expect(JSON.stringify((await app.job(id)).errors)).toContain('a bug in the schema')
  })
})

describe('a job that was written by somebody else', () => {
  const odd: readonly (readonly [name: string, change: string])[] = [
    ['extras that are no object', `extras = '[1]'`],
    ['extras of other types', `extras = '{"tags": 5, "metadata": "x", "timeout": "soon"}'`],
    ['a timeout below zero', `extras = '{"timeout": -5}'`],
    ['a timeout beyond time', `extras = '{"timeout": 1e300}'`],
    ['errors that are no list', `errors = '"oops"', attempt = 1`],
    ['errors without fields', `errors = '[null, 5, {}]', attempt = 3`],
    ['a payload that is only a number', `payload = '1e400'`],
    ['a payload of many levels', `payload = (repeat('[', 3000) || repeat(']', 3000))::jsonb`],
    ['a creation before time', `created_at = '-infinity'`],
    ['a due time long ago', `run_at = '-infinity'`],
    ['more attempts than allowed', `attempt = 30, max_attempts = 2`],
    ['so many attempts that they cannot be counted', `attempt = 32767`],
  ]

  it.each(odd)('with %s harms only itself', async (_, change) => {
    const added = await app.kong.addJobs([{ task: 'work' }, { task: 'work' }, { task: 'work' }])
    const middle = added[1]?.id ?? ''
    await app.query(`update kongtask.jobs set ${change} where id = $1`, [middle])
    const runner = await app.run({
      work: (_payload, { job, logger, rawPayload }) => {
        logger.info('seen', { attempt: job.attempt, tags: job.tags, errors: job.errors, rawPayload })
      },
    })
    const left = new Set([added[0]?.id, added[2]?.id])
    await new Promise<void>((resolve) => {
      runner.on('job.settled', ({ job, settlement }) => {
        if (settlement.kind === 'completed') left.delete(job.id)
        if (left.size === 0) resolve()
      })
    })
    for (const id of [added[0]?.id ?? '', added[2]?.id ?? '']) {
      expect(await app.job(id)).toMatchObject({ state: 'completed', attempt: 1 })
    }
  })
})
