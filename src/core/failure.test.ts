import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { failedAttempt } from './failure.ts'
import { PermanentError } from './handler-errors.ts'
import { textFlaw } from './storable-text.ts'

describe('what is kept of an error', () => {
  it('is its name, message and stack', () => {
    const error = new TypeError('x is not a function')
    expect(failedAttempt(error)).toEqual({
      name: 'TypeError',
      message: 'x is not a function',
      stack: error.stack,
    })
  })

  it('is its code too, where that is text', () => {
    expect(failedAttempt(withStack(Object.assign(new Error('gone'), { code: 'ECONNRESET' })))).toEqual({
      code: 'ECONNRESET',
      name: 'Error',
      message: 'gone',
      stack: 'Error',
    })
    expect(failedAttempt(Object.assign(new Error('x'), { code: 404 }))).not.toHaveProperty('code')
  })

  it('is its causes, outermost first, each with its code', () => {
    const socket = withStack(Object.assign(new Error('socket'), { code: 'EPIPE' }))
    const query = withStack(new PermanentError('query', { cause: socket }))
    expect(failedAttempt(withStack(new Error('import', { cause: query })))).toEqual({
      name: 'Error',
      message: 'import',
      stack: 'Error',
      cause: {
        name: 'PermanentError',
        message: 'query',
        stack: 'Error',
        cause: { code: 'EPIPE', name: 'Error', message: 'socket', stack: 'Error' },
      },
    })
  })

  it('is a cause that is no error, too', () => {
    expect(failedAttempt(new Error('x', { cause: { status: 503 } }))).toMatchObject({
      cause: { name: 'NonError', message: 'A value that is no Error was thrown: {"status":503}' },
    })
  })

  it('ends after five causes, also where they go in a circle', () => {
    const error = new Error('0')
    error.cause = new Error('1', { cause: error })
    let depth = 0
    for (let link = failedAttempt(error).cause; link !== undefined; link = link.cause) depth += 1
    expect(depth).toBe(5)
  })

  it('is short: 2,000 characters of message, 6,000 of stack, 200 of name, 100 of code', () => {
    const error = Object.assign(new Error('m'.repeat(3_000)), {
      stack: 's'.repeat(9_000),
      name: 'n'.repeat(300),
      code: 'c'.repeat(300),
    })
    expect(failedAttempt(error)).toEqual({
      message: `${'m'.repeat(2_000)}…`,
      stack: `${'s'.repeat(6_000)}…`,
      name: `${'n'.repeat(200)}…`,
      code: `${'c'.repeat(100)}…`,
    })
    const exact = Object.assign(new Error('m'.repeat(2_000)), { stack: 's'.repeat(6_000) })
    expect(failedAttempt(exact)).toMatchObject({ message: 'm'.repeat(2_000), stack: 's'.repeat(6_000) })
  })

  it('is text that PostgreSQL can store, whatever the error says', () => {
    const said = 'a\0b \ud83d c \udc4b d 👋'
    const error = Object.assign(new Error(said), { stack: said, name: said, code: said })
    const kept = 'a\\0b \uFFFD c \uFFFD d 👋'
    expect(failedAttempt(error)).toEqual({ message: kept, stack: kept, name: kept, code: kept })
    // Cutting a pair in the middle must not make half of one.
    expect(failedAttempt(new Error(`${'x'.repeat(1_999)}👋`)).message).toBe(`${'x'.repeat(1_999)}\uFFFD…`)
    expect(failedAttempt('a\0b').message).toContain('a\\0b')
  })

  it('is storable and bounded for whatever is thrown', () => {
    const unit = fc.oneof(fc.constantFrom(0, 0xd83d, 0xdc4b), fc.integer({ min: 0, max: 0xffff }))
    const utf16 = fc.array(unit).map((units) => String.fromCharCode(...units))
    const thrown = fc.oneof(
      fc.anything(),
      utf16.map((message) => new Error(message)),
      fc.anything().map((cause) => new Error('x', { cause })),
      fc.anything().map((message) => Object.assign(new Error('x'), { message, name: message })),
    )
    fc.assert(
      fc.property(thrown, (value) => {
        const { name, message } = failedAttempt(value)
        expect([textFlaw(name), textFlaw(message)]).toEqual([undefined, undefined])
        expect(message.length).toBeLessThanOrEqual(4_001)
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it.each<readonly [unknown, string]>([
    ['no answer', 'no answer'],
    [{ status: 503 }, '{"status":503}'],
    [42, '42'],
    [null, 'null'],
    [undefined, '[object Undefined]'],
    [10n, '[object BigInt]'],
    [Symbol('x'), '[object Symbol]'],
    [() => 1, '[object Function]'],
  ])('is what was thrown, where that is no error (%#)', (thrown, text) => {
    expect(failedAttempt(thrown)).toEqual({
      name: 'NonError',
      message: `A value that is no Error was thrown: ${text}`,
    })
  })

  it.each(['message', 'name', 'stack', 'code', 'cause'])(
    'is that it cannot be read, where its %s throws',
    (property) => {
      const error = Object.defineProperty(new Error('x'), property, {
        get: () => {
          throw new Error('not yours')
        },
      })
      expect(failedAttempt(error)).toEqual({
        name: 'Error',
        message: 'Something was thrown that cannot be read.',
      })
    },
  )

  it('is no number where text belongs', () => {
    expect(failedAttempt(Object.assign(new Error('x'), { message: 42, name: null, stack: 1 }))).toEqual({
      name: 'null',
      message: '42',
    })
  })
})

describe('the stack', () => {
  it.each([
    'at execute (/app/node_modules/kongtask/dist/worker/executor.js:40:12)',
    'at async execute (file:///app/src/worker/executor.ts:40:12)',
    String.raw`at execute (C:\app\node_modules\kongtask\dist\worker\executor.js:40:12)`,
  ])('ends before our own frames: %s', (ours) => {
    const stack = `Error: x\n    at sendEmail (/app/tasks.ts:3:9)\n    ${ours}\n    at next (node:internal:1:1)`
    expect(failedAttempt(Object.assign(new Error('x'), { stack }))).toHaveProperty(
      'stack',
      'Error: x\n    at sendEmail (/app/tasks.ts:3:9)',
    )
  })

  it('is whole where none of our frames is in it, also if the message names our file', () => {
    const stack = 'Error: no /app/worker/executor.ts\n    at sendEmail (/app/tasks.ts:3:9)'
    expect(failedAttempt(Object.assign(new Error('x'), { stack }))).toHaveProperty('stack', stack)
  })
})

function withStack<E extends Error>(error: E): E {
  return Object.assign(error, { stack: 'Error' })
}
