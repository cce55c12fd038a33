import { expect, it } from 'vitest'
import type { TaskEntry } from '../core/task-list.ts'
import { withMiddleware } from './middleware.ts'

const task: TaskEntry = {
  name: 'work',
  defaults: {},
  hasContract: false,
  schema: undefined,
  raw: false,
  handle: () => 'done',
}

it('none at all leaves the task as it is, so that it costs nothing', () => {
  expect(withMiddleware(task, [])).toBe(task)
})
