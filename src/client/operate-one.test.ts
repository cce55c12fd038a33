import { expect, it } from 'vitest'
import type { Job } from '../core/job.ts'
import type { Operated } from '../store/operate-jobs.ts'
import type { Store } from '../store/store.ts'
import { createDeadLetters } from './dead-letters.ts'
import { operateOne } from './operate-one.ts'

type OperateStore = Pick<Store, 'readJob' | 'operateJobs'>

/** What the database answers about a job that nobody else reads. */
const answering = (status: Operated['status'], job: Job | undefined): OperateStore => ({
  readJob: () => Promise.resolve(job),
  operateJobs: (_, { targets }) => Promise.resolve(targets.ids.map((id) => ({ id, status }))),
})

const refuse = (): never => {
  throw new Error('nothing here asks for this')
}

it('a job that somebody has all the time is said to be locked, not to be in a wrong state', async () => {
  await expect(operateOne(answering('locked', undefined), { kind: 'retry' }, '17')).rejects.toMatchObject({
    code: 'KT_JOB_STATE',
    message: expect.stringContaining('locked by another transaction'),
  })
})

it.each(['redrive', 'purge'] as const)(
  'so is a dead letter, by %s: it is there, and may be tried again',
  async (verb) => {
    const store = {
      ...answering('locked', undefined),
      listJobs: refuse,
      walkJobs: refuse,
      groupDeadLetters: refuse,
    }
    await expect(createDeadLetters(store)[verb]('17')).rejects.toMatchObject({
      code: 'KT_JOB_STATE',
      message: expect.stringContaining('locked by another transaction'),
    })
  },
)
