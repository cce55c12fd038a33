// Run by node:test, in a process of its own (runners.test.ts).
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineTask, handle } from 'kongtask'
import { createTestKongTask, mockContext, performJob } from 'kongtask/testing'

const welcome = defineTask<'welcome', { to: string }>('welcome')
const task = handle(welcome, ({ to }, { logger }) => {
  logger.info('welcome', { to })
  return Date.now()
})

void describe('with node:test', () => {
  void it('a handler is a function', () => {
    const context = mockContext()
    task.handle({ to: 'ada' }, context)
    assert.deepEqual(context.logs, [{ level: 'info', message: 'welcome', fields: { to: 'ada' } }])
  })

  void it('an attempt is performed', async () => {
    assert.equal((await performJob(task, { to: 'ada' })).error, undefined)
  })

  void it('a kit runs jobs, two days later', async () => {
    await using kong = await createTestKongTask({ tasks: [task] })
    const now = Date.now()
    await kong.addJob(welcome, { to: 'ada' }, { scheduledIn: '2d' })
    await kong.clock.advance('2d')
    await kong.drain()
    const { result } = await kong.expectJob(welcome, { payload: { to: 'ada' }, state: 'completed' })
    assert.ok(Number(result) - now >= 172_800_000)
  })
})
