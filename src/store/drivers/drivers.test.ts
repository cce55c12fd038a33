import { Client, Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { asTransaction } from '../../core/transaction.ts'
import { onTransaction } from './drivers.ts'
import { withQuestionMarks } from './knex.ts'

/** As much of a node-postgres client as there is to see of one, with the answers of a script. */
class FakeClient {
  readonly asked: string[] = []
  readonly #statuses: string[]
  constructor(...statuses: string[]) {
    this.#statuses = statuses
  }
  connect(): void {
    throw new Error('not to be called')
  }
  escapeLiteral(text: string): string {
    return text
  }
  getTransactionStatus(): string | undefined {
    return this.#statuses.length > 1 ? this.#statuses.shift() : this.#statuses[0]
  }
  async query(text: string): Promise<{ rows: unknown[] }> {
    this.asked.push(text)
    if (text === 'never') return new Promise(() => undefined)
    return { rows: [{ text }] }
  }
}

describe('a transaction', () => {
  it('is written on as it is while one is open', async () => {
    const client = new FakeClient('T')
    expect(await onTransaction(client, 1_000).query('insert', [])).toEqual({ rows: [{ text: 'insert' }] })
    expect(client.asked).toEqual(['insert'])
  })

  it('may have been begun without waiting for the answer', async () => {
    const client = new FakeClient('I', 'T')
    await onTransaction(client, 1_000).query('insert', [])
    expect(client.asked).toEqual(['', 'insert'])
  })

  it('is asked of the database where the driver cannot tell', async () => {
    const client = new FakeClient()
    Reflect.set(client, 'getTransactionStatus', undefined)
    await onTransaction(client, 1_000).query('insert', [])
    expect(client.asked).toEqual([expect.stringMatching(/^lock table/), 'insert'])
  })

  it.each([
    ['I', 'no open transaction'],
    ['E', 'failed'],
  ])('in the state %s is refused and nothing written', async (status, message) => {
    const client = new FakeClient(status)
    await expect(onTransaction(client, 1_000).query('insert', [])).rejects.toMatchObject({
      code: 'KT_NOT_A_TRANSACTION',
      message: expect.stringContaining(message),
    })
    expect(client.asked).not.toContain('insert')
  })

  it('that does not answer runs into the deadline', async () => {
    await expect(onTransaction(new FakeClient('T'), 5).query('never', [])).rejects.toMatchObject({
      code: 'KT_DEADLINE',
    })
  })
})

/** Refuses to be looked at. */
const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error('get')
    },
  },
)

describe('with(tx)', () => {
  const strangers: readonly (readonly [tx: unknown, message: string])[] = [
    [new Pool(), 'this node-postgres object has no transaction'],
    [{}, 'an object is not a transaction'],
    [{ query: () => 1 }, 'an object is not a transaction'],
    [{ query: () => 1, release: () => 1 }, 'an object is not a transaction'],
    [{ [Symbol.for('kongtask.transaction')]: 1 }, 'an object is not a transaction'],
    [hostile, 'an object is not'],
    [() => 1, 'a function is not'],
    [null, 'null is not'],
    [undefined, 'undefined is not'],
    ['begin', '"begin" is not'],
  ]

  it.each(strangers)('refuses %#', (tx, message) => {
    expect(() => onTransaction(tx, 1_000)).toThrow(expect.objectContaining({ code: 'KT_NOT_A_TRANSACTION' }))
    expect(() => onTransaction(tx, 1_000)).toThrow(message)
  })

  it('takes a node-postgres client', () => {
    expect(onTransaction(new Client(), 1_000)).toHaveProperty('query')
  })
})

describe('asTransaction', () => {
  it('runs the statement, and takes rows as they are or in an object', async () => {
    const asked: unknown[] = []
    const record = (text: string, values: (string | null)[]): { text: string }[] => {
      asked.push([text, values])
      return [{ text }]
    }
    const plain = asTransaction(async (text, values) => record(text, values))
    const inObject = asTransaction(async (text, values) => ({ rows: record(text, values), other: 1 }))
    for (const tx of [plain, inObject]) {
      expect(await onTransaction(tx, 1_000).query('insert', ['a', null])).toEqual({
        rows: [{ text: 'insert' }],
      })
    }
    const each = [
      [expect.stringMatching(/^lock table/), []],
      ['insert', ['a', null]],
    ]
    expect(asked).toEqual([...each, ...each])
  })

  it('has an error of its own where no rows come', async () => {
    const tx = asTransaction(() => JSON.parse('{}'))
    await expect(onTransaction(tx, 1_000).query('insert', [])).rejects.toThrow('without rows')
  })
})

describe("Knex's question marks", () => {
  it('stand where the numbers stood, in that order, and those of the text are escaped', () => {
    expect(withQuestionMarks(`select $2::text, $1, $2, '?', a ?| b`, ['one', 'two ? $1'])).toEqual([
      String.raw`select ?::text, ?, ?, '\?', a \?| b`,
      ['two ? $1', 'one', 'two ? $1'],
    ])
  })
})
