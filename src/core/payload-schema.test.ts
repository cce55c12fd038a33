import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parsePayload } from './payload-schema.ts'

const schemas = [
  ['zod', z.object({ user: z.object({ id: z.string() }), n: z.number().default(1) })],
  ['valibot', v.object({ user: v.object({ id: v.string() }), n: v.optional(v.number(), 1) })],
  ['arktype', type({ user: { id: 'string' }, n: 'number = 1' })],
] as const

describe.each(schemas)('%s', (_, schema) => {
  it('answers its output at once', () => {
    expect(parsePayload('a', schema, { user: { id: 'x' } })).toEqual({ user: { id: 'x' }, n: 1 })
  })

  it('is quoted with path and message', () => {
    expect(() => parsePayload('a', schema, { user: { id: 5 } })).toThrow(
      expect.objectContaining({
        code: 'KT_PAYLOAD_INVALID',
        message: expect.stringMatching(
          /^The payload does not fit the schema of task "a": user\.id: .*string/,
        ),
      }),
    )
  })
})

it('an asynchronous validator answers with a promise', async () => {
  const schema = z.string().refine(async (text) => text !== 'taken', 'is taken')
  await expect(parsePayload('a', schema, 'free')).resolves.toBe('free')
  await expect(parsePayload('a', schema, 'taken')).rejects.toMatchObject({
    code: 'KT_PAYLOAD_INVALID',
    message: expect.stringContaining('is taken'),
  })
})

it('lists ten issues and counts the rest', () => {
  const issues = Array.from({ length: 13 }, (_, key) => ({ message: 'bad', path: ['rows', { key }, 'a b'] }))
  const schema = { '~standard': { version: 1 as const, vendor: 'x', validate: () => ({ issues }) } }
  expect(() => parsePayload('a', schema, 1)).toThrow(/: rows\[0\]\["a b"\]: bad; (.*; ){9}and 3 more$/)
  expect(() => parsePayload('a', schema, 1)).toThrow(expect.objectContaining({ cause: issues }))
})
