import { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { badInputs, badSchemaNames, mail, unknownTasks } from '../../test/client/bad-inputs.ts'
import { KongTaskError } from '../core/errors.ts'
import { KongTask } from './client.ts'

/** A pool that counts who wants a connection, and has none. */
class CountingPool extends Pool {
  asked = 0
  override connect(): never {
    this.asked++
    throw new Error('there is no database here')
  }
}

async function caught(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    return error
  }
}

/** By name, only the database knows whether the task's published defaults have a key. */
const FOR_THE_DATABASE = 'onConflict: without a key, by name'

describe.each([
  ['of any client', badInputs.filter(({ name }) => name !== FOR_THE_DATABASE), {}],
  ['of a client with tasks', unknownTasks, { tasks: [mail] }],
])('bad input %s', (_, inputs, options) => {
  it.each(inputs)('is refused before the database is asked: $name', async ({ attempt, code }) => {
    const pool = new CountingPool()
    const error = await caught(() => attempt(new KongTask({ pool, ...options })))
    expect(error).toBeInstanceOf(KongTaskError)
    expect(error).toHaveProperty('code', code)
    expect(pool.asked).toBe(0)
  })
})

it('a good job does ask the database, so the pool above would have told', async () => {
  const pool = new CountingPool()
  await caught(() => new KongTask({ pool }).addJob('mail'))
  expect(pool.asked).toBe(1)
})

it.each(badSchemaNames)('the schema name %j is refused by the constructor', async (schema) => {
  const error = await caught(() => Reflect.construct(KongTask, [{ pool: new CountingPool(), schema }]))
  expect(error).toMatchObject({ name: 'KongTaskError', code: 'KT_SCHEMA_NAME_INVALID' })
})
