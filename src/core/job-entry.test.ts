import { expect, it } from 'vitest'
import { newJob } from './job-entry.ts'
import { defineTask } from './task.ts'

it('newJob is an entry of addJobs: task, payload and options side by side, and options cannot replace the task', () => {
  const task = defineTask('a')
  const options = { priority: 2, task: 'other', payload: 'other' }
  const spec = newJob(task, { x: 1 }, options)
  expect(Object.entries(spec)).toEqual([
    ['priority', 2],
    ['task', task],
    ['payload', { x: 1 }],
  ])
  expect(Object.isFrozen(spec)).toBe(true)
})
