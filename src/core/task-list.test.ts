import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { handle } from './handler.ts'
import { readTaskList, readTaskNames, type TaskEntry } from './task-list.ts'
import { defineTask } from './task.ts'

const contract = defineTask('mail', { payload: z.object({ to: z.string() }), queue: 'email', timeout: '1s' })
const noop = (): void => undefined
const context = { whatever: 'the worker passes' }

function call(entry: TaskEntry | undefined, payload: unknown): unknown {
  return entry && Reflect.apply(entry.handle, undefined, [payload, context])
}

class Greeter {
  readonly name = 'greet'
  readonly #greeting: string
  /** An injected dependency that happens to have the name of an option. */
  readonly queue = new Map()
  constructor(greeting: string) {
    this.#greeting = greeting
  }
  handle(payload: { who: string }): string {
    return `${this.#greeting} ${payload.who}`
  }
}
class Named {
  get name(): string {
    return 'named'
  }
  handle(): void {
    return undefined
  }
}

describe('a task list', () => {
  it('is an array of handled contracts, objects and class instances', () => {
    const payload = z.string()
    const tasks = readTaskList([
      handle(contract, noop),
      new Greeter('hello'),
      { name: 'plain', payload, handle: noop },
      new Named(),
    ])
    expect([...tasks.keys()]).toEqual(['mail', 'greet', 'plain', 'named'])
    expect(tasks.get('mail')).toMatchObject({
      name: 'mail',
      schema: contract.schema,
      defaults: contract.defaults,
    })
    expect(tasks.get('greet')).toMatchObject({ schema: undefined, defaults: {} })
    expect(tasks.get('plain')?.schema).toBe(payload)
  })

  it('is a record of functions by name, in which other forms keep their own name', () => {
    const tasks = readTaskList({
      a: noop,
      mailHandler: handle(contract, noop),
      keyed: { handle: noop },
      g: new Greeter(''),
    })
    expect([...tasks.keys()]).toEqual(['a', 'mail', 'keyed', 'greet'])
  })

  it('calls an instance as its own method, and a function with payload and context', () => {
    const calls: unknown[] = []
    const tasks = readTaskList({
      greet: new Greeter('hello'),
      f: (...parameters: unknown[]) => calls.push(parameters),
    })
    expect(call(tasks.get('greet'), { who: 'Ada' })).toBe('hello Ada')
    call(tasks.get('f'), 1)
    expect(calls).toEqual([[1, context]])
  })

  it('may be empty', () => {
    expect(readTaskList([]).size).toBe(0)
    expect(readTaskList({}).size).toBe(0)
  })

  const refused: readonly (readonly [tasks: unknown, code: string, message: string])[] = [
    [undefined, 'KT_TASK_INVALID', 'an array or a record of tasks, not undefined'],
    ['mail', 'KT_TASK_INVALID', 'not "mail"'],
    [new Map([['a', noop]]), 'KT_TASK_INVALID', 'an array or a record'],
    [noop, 'KT_TASK_INVALID', 'not a function'],
    [[noop], 'KT_TASK_INVALID', 'tasks[0] is a function, which has no task name'],
    [[contract], 'KT_TASK_INVALID', 'tasks[0] is a contract without a handler'],
    [{ a: contract }, 'KT_TASK_INVALID', 'tasks["a"] is a contract'],
    [[null], 'KT_TASK_INVALID', 'tasks[0]'],
    [
      { a: 'text' },
      'KT_TASK_INVALID',
      'tasks["a"] must be a handler or have a method `handle`; it is "text"',
    ],
    [[{ name: 'a' }], 'KT_TASK_INVALID', 'tasks[0] must be'],
    [[{ name: 'a', handle: 'x' }], 'KT_TASK_INVALID', 'tasks[0] must be'],
    [[{ handle: noop }], 'KT_NAME_INVALID', 'undefined is not a task name'],
    [[{ name: '', handle: noop }], 'KT_NAME_INVALID', '""'],
    [{ 'two words': noop }, 'KT_NAME_INVALID', '"two words"'],
    [[{ name: 'a', payload: 'x', handle: noop }], 'KT_TASK_INVALID', 'must be a schema'],
    [[handle(contract, noop), handle(contract, noop)], 'KT_TASK_DUPLICATE', '"mail"'],
    [{ mail: noop, other: handle(contract, noop) }, 'KT_TASK_DUPLICATE', '"mail"'],
  ]

  it.each(refused)('%o is refused', (tasks, code, message) => {
    expect(() => readTaskList(tasks)).toThrow(expect.objectContaining({ code }))
    expect(() => readTaskList(tasks)).toThrow(message)
  })
})

describe('task names', () => {
  it('are read from contracts as well as from task lists', () => {
    expect([...readTaskNames([contract, new Named()])]).toEqual(['mail', 'named'])
    expect([...readTaskNames({ contract, a: noop })]).toEqual(['mail', 'a'])
  })

  it('are refused twice', () => {
    expect(() => readTaskNames([contract, contract])).toThrow(
      expect.objectContaining({ code: 'KT_TASK_DUPLICATE' }),
    )
  })
})
