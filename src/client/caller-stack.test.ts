import { describe, expect, it } from 'vitest'
import { withCallerStack } from './caller-stack.ts'

/** An error as a socket throws it: of the application, its stack knows nothing. */
function fromSocket(): Error {
  const error = new Error('gone')
  const woken = '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)'
  error.stack = `Error: gone\n    at Socket.onData (node:net:1:1)\n${woken}`
  return error
}

async function failLater(): Promise<never> {
  await new Promise((resolve) => setImmediate(resolve))
  throw fromSocket()
}

async function stackOf(call: () => Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await call().catch((caught: unknown) => caught)
  return error instanceof Error ? error.stack : undefined
}

describe.each([
  ['a call of its own', false],
  ['a call in a crowd', true],
])('%s', (_, isInCrowd) => {
  it('that fails names the function that waits for it', async () => {
    async function theCaller(): Promise<unknown> {
      return await withCallerStack(failLater, isInCrowd)
    }
    expect(await stackOf(theCaller)).toMatch(/^Error: gone\n {4}at Socket[^]+\n {4}at (?:async )?theCaller /)
  })

  it('that fails among others names the function that waits for them all', async () => {
    async function theCaller(): Promise<unknown> {
      return await Promise.all([1, 2, 3].map(() => withCallerStack(failLater, isInCrowd)))
    }
    expect(await stackOf(theCaller)).toMatch(/\n {4}at (?:async )?theCaller /)
  })

  it('that was refused at once, and knows its caller, is told of him no second time', async () => {
    async function theCaller(): Promise<unknown> {
      return await withCallerStack(() => {
        throw new Error('bad input')
      }, isInCrowd)
    }
    expect((await stackOf(theCaller))?.match(/theCaller /g)).toHaveLength(1)
  })

  it('that succeeds is what the work comes to', async () => {
    expect(await withCallerStack(async () => 5, isInCrowd)).toBe(5)
  })

  it('that throws what is frozen, or no error at all, throws it as it is', async () => {
    const frozen = Object.freeze(fromSocket())
    const caught = await withCallerStack(() => Promise.reject(frozen), isInCrowd).catch(
      (error: unknown) => error,
    )
    expect(caught).toBe(frozen)
    await expect(
      withCallerStack(() => {
        throw 'text' as unknown
      }, isInCrowd),
    ).rejects.toBe('text')
  })
})

it('a call of its own names its caller also where nobody waits', async () => {
  const seen = new Promise<string | undefined>((resolve) => {
    const nobodyWaits = (): void => {
      withCallerStack(failLater).catch((error: unknown) =>
        resolve(error instanceof Error ? error.stack : undefined),
      )
    }
    nobodyWaits()
  })
  expect(await seen).toContain('nobodyWaits')
})
