import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { newJob, type NewJobSpec } from '../core/job-entry.ts'
import type { JobAdder } from '../core/add-job.ts'
import type { AddedJob, NewJob } from '../core/new-job.ts'
import { defineTask } from '../core/task.ts'
import { createJobAdder } from './job-adder.ts'
import { newJobMaker } from './new-job.ts'
import type { Chunks, Writer } from './writer.ts'

const makeNewJob = newJobMaker({ maxPayload: 1_000 })
const task = defineTask('a', { payload: z.object({ n: z.number() }), queue: 'q' })

type Write = (chunks: Chunks) => Promise<AddedJob[]>

/** An adder of which only lists and single jobs are asked. */
function adderOver(write: Write): JobAdder {
  const writer: Writer = {
    one: async (job) => {
      const [added] = await write([[job]])
      return added ?? { id: 'none', status: 'skipped' }
    },
    all: write,
    inTurn: () => {
      throw new Error('this is no stream')
    },
  }
  return createJobAdder({ makeNewJob, writer })
}

function recording(): { readonly written: NewJob[][]; readonly write: Write } {
  const written: NewJob[][] = []
  let id = 0
  return {
    written,
    write: async (chunks) => {
      written.push(...chunks.map((chunk) => [...chunk]))
      return chunks.flat().map(() => ({ id: String(++id), status: 'added' }))
    },
  }
}

function* broken(): Generator<NewJobSpec> {
  yield newJob('a')
  throw new Error('no more rows')
}

function* stream(): Generator<NewJobSpec> {
  yield newJob(task, { n: 2 }, { queue: 'other' })
  yield newJob('c', [1])
}

describe('addJob', () => {
  it('writes one job and answers what became of it', async () => {
    const { written, write } = recording()
    const { addJob } = adderOver(write)
    expect(await addJob(task, { n: 1 }, { priority: 3 })).toEqual({ id: '1', status: 'added' })
    expect(written).toEqual([
      [{ task: 'a', payload: '{"n":1}', options: { queue: 'q', priority: 3 }, contract: true }],
    ])
  })

  it('rejects, and never throws, where the input is bad; then nothing is written', async () => {
    const { written, write } = recording()
    const { addJob } = adderOver(write)
    const promise = addJob('two words')
    expect(promise).toBeInstanceOf(Promise)
    await expect(promise).rejects.toMatchObject({ code: 'KT_NAME_INVALID' })
    expect(written).toEqual([])
  })

  it('says in the stack who called, also for errors from a socket', async () => {
    const fromSocket = new Error('gone')
    fromSocket.stack = 'Error: gone\n    at Socket.onData (node:net:1:1)'
    const { addJob } = adderOver(() => Promise.reject(fromSocket))
    const callTheDatabase = (): Promise<AddedJob> => addJob('a').then((added) => added)
    const error = await callTheDatabase().catch((caught: unknown) => caught)
    expect(error).toBe(fromSocket)
    expect(fromSocket.stack).toMatch(/^Error: gone\n {4}at Socket[^]+at callTheDatabase /)
    const mistake = (): Promise<AddedJob> => addJob('')
    const refused = await mistake().catch((caught: unknown) => caught)
    expect(refused).toHaveProperty('stack', expect.stringMatching(/^KongTaskError: "" is not[^]+at mistake /))
  })

  it('explains what the database says, with the original as cause', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const { addJob } = adderOver(() => Promise.reject(refused))
    await expect(addJob('a')).rejects.toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE', cause: refused })
  })
})

describe('addJobs', () => {
  it('takes arrays of entries and iterables of newJob, in order', async () => {
    const { written, write } = recording()
    const { addJobs } = adderOver(write)
    const added = await addJobs([{ task, payload: { n: 1 }, priority: 2 }, { task: 'b' }])
    expect(added.map(({ id }) => id)).toEqual(['1', '2'])
    await addJobs(stream())
    expect(written).toEqual([
      [
        { task: 'a', payload: '{"n":1}', options: { queue: 'q', priority: 2 }, contract: true },
        { task: 'b', payload: '{}', options: {}, contract: false },
      ],
      [
        { task: 'a', payload: '{"n":2}', options: { queue: 'other' }, contract: true },
        { task: 'c', payload: '[1]', options: {}, contract: false },
      ],
    ])
  })

  it('of nothing asks the database nothing', async () => {
    const { addJobs } = adderOver(() => Promise.reject(new Error('asked')))
    expect(await addJobs([])).toEqual([])
  })

  it.each([
    [[{ task: 'a' }, { task: '' }], 'KT_NAME_INVALID', 'addJobs, entry 1: "" is not a task name'],
    [
      [{ task: 'a' }, { task: 'a' }, { task, payload: { n: 'x' } }],
      'KT_PAYLOAD_INVALID',
      'addJobs, entry 2: The payload',
    ],
    [
      [{ task: 'a', payload: 1, run_at: 1 }],
      'KT_OPTION_UNKNOWN',
      'addJobs, entry 0: job options: there is no option "run_at"',
    ],
    [[{ payload: 1 }], 'KT_TASK_INVALID', 'entry 0'],
    [['a'], 'KT_ENTRY_INVALID', 'entry 0'],
    [[undefined, { task: 'a' }], 'KT_ENTRY_INVALID', 'entry 0'],
    [[[task, { n: 1 }]], 'KT_ENTRY_INVALID', 'not an array of 2'],
    [{ task: 'a' }, 'KT_ENTRY_INVALID', 'not an object'],
    ['jobs', 'KT_ENTRY_INVALID', 'not "jobs"'],
    [undefined, 'KT_ENTRY_INVALID', 'not undefined'],
  ])('refuses all for one (%#): %s', async (jobs, code, message) => {
    const { written, write } = recording()
    const { addJobs } = adderOver(write)
    await expect(Reflect.apply(addJobs, undefined, [jobs])).rejects.toMatchObject({
      name: 'KongTaskError',
      code,
      message: expect.stringContaining(message),
    })
    expect(written).toEqual([])
  })

  it('passes on what the iterable itself throws', async () => {
    const { written, write } = recording()
    const { addJobs } = adderOver(write)
    await expect(addJobs(broken())).rejects.toThrow('no more rows')
    expect(written).toEqual([])
  })

  it('splits what is too much for one statement', async () => {
    const { written, write } = recording()
    const { addJobs } = adderOver(write)
    const added = await addJobs(Array.from({ length: 12_000 }, (_, n) => newJob(task, { n })))
    expect(added).toHaveLength(12_000)
    expect(written.map((chunk) => chunk.length)).toEqual([5_000, 5_000, 2_000])
    expect(written.flat().map(({ payload }) => payload)).toEqual(added.map((_, n) => `{"n":${n}}`))
  })
})
