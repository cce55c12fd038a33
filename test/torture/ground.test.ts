import { afterAll, beforeAll, expect, it } from 'vitest'
import { Ground } from '../../src/torture/ground.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let ground: Ground
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false })
  ground = await Ground.open(database.connectionString)
})
afterAll(async () => {
  await ground.close()
  await database.drop()
})

/** A value that fails while the driver writes it down, the first time or always. */
const failing = (error: Error, times: number): unknown => {
  let tries = 0
  return {
    toPostgres: () => {
      tries += 1
      if (tries <= times) throw error
      return '7'
    },
  }
}

it.each([
  // Five capital letters, as many as an SQLSTATE has.
  ['a connection that broke', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })],
  ['a restart', Object.assign(new Error('the database system is starting up'), { code: '57P03' })],
  ['a driver that waited in vain', new Error('Query read timeout')],
])('%s is weather: what was asked is asked again', async (_, error) => {
  expect(await ground.query('select $1::int4 as seven', [failing(error, 1)])).toEqual([{ seven: 7 }])
})

it.each([
  ['a fault of ours', new TypeError('nothing is undefined')],
  ['what PostgreSQL refuses', Object.assign(new Error('syntax error'), { code: '42601' })],
])('%s is told at once, and not taken for weather', async (_, error) => {
  await expect(ground.query('select $1::int4 as seven', [failing(error, Infinity)])).rejects.toBe(error)
})
