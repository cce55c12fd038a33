// The tests of the seed document, as closely as the language allows: TestEmailHandler and TestTaskIntegration.
import { handle, defineTask, runTaskListOnce, type JobContext, type TaskList } from 'kongtask'
import { createTestKongTask, mockContext, performJob } from 'kongtask/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { silent } from '../journeys/journey-logger.ts'

const email = z.object({ to: z.string(), subject: z.string(), body: z.string() })

/** The seed's own first example: it parses what it was given. */
async function emailHandler(payload: unknown, { logger }: JobContext): Promise<void> {
  const emailData = email.parse(payload)
  logger.info('Sending email', { to: emailData.to, subject: emailData.subject })
  await Promise.resolve()
  logger.info('Email sent successfully')
}

describe('TestEmailHandler', () => {
  const tests = [
    {
      name: 'valid email',
      payload: { to: 'test@example.com', subject: 'Test', body: 'Hello' },
      expectError: false,
    },
    { name: 'invalid payload', payload: 'invalid json', expectError: true },
  ]

  it.each(tests)('$name, the handler called as a function', async ({ payload, expectError }) => {
    const helpers = mockContext()
    const error: unknown = await emailHandler(payload, helpers).catch((reason: unknown) => reason)
    expect(error !== undefined).toBe(expectError)
    expect(helpers.logs.map(({ message }) => message)).toEqual(
      expectError ? [] : ['Sending email', 'Email sent successfully'],
    )
  })

  it.each(tests)('$name, performed by the executor', async ({ payload, expectError }) => {
    const payloadBytes = JSON.stringify(payload)
    const { error } = await performJob({ send_email: emailHandler }, undefined, { rawPayload: payloadBytes })
    expect(error !== undefined).toBe(expectError)
  })

  it.each(tests)('$name, with a contract that parses', async ({ payload, expectError }) => {
    const task = handle(defineTask('send_email', { payload: email }), () => undefined)
    const { error } = await performJob(task, undefined, { rawPayload: JSON.stringify(payload) })
    expect(error !== undefined).toBe(expectError)
  })
})

describe('TestTaskIntegration', () => {
  const testTaskHandler = async (payload: unknown, { withTransaction }: JobContext): Promise<void> => {
    await withTransaction((tx) => tx.query('insert into results values ($1)', [JSON.stringify(payload)]))
  }
  const tasks: TaskList = { test_task: testTaskHandler }

  it('adds a job, runs once, and verifies the results', async () => {
    // Set up test database
    await using kong = await createTestKongTask({ tasks })
    await kong.pool.query('create table results (payload jsonb)')

    // Add a job
    await kong.addJob('test_task', { data: 'test' })

    // Run once to process the job
    await kong.drain()

    // Verify results
    const { rows } = await kong.pool.query('select payload from results')
    expect(rows).toEqual([{ payload: { data: 'test' } }])
    await kong.expectJob('test_task', { state: 'completed' })
  })

  it('does so with the call of the seed, too, and finds the database empty again', async () => {
    await using kong = await createTestKongTask()
    await expect(kong.pool.query('select from results')).rejects.toMatchObject({ code: '42P01' })
    await kong.pool.query('create table results (payload jsonb)')
    await kong.addJob('test_task', { data: 'test' })
    await runTaskListOnce(tasks, { pool: kong.pool, schema: kong.schema, migrate: false, logger: silent })
    expect((await kong.pool.query('select from results')).rowCount).toBe(1)
  })
})
