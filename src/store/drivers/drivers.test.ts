import { Client, Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import { onTransaction } from './drivers.ts'

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

  it('is assumed where the driver cannot tell', async () => {
    const client = new FakeClient()
    Reflect.set(client, 'getTransactionStatus', undefined)
    await onTransaction(client, 1_000).query('insert', [])
    expect(client.asked).toEqual(['insert'])
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

describe('with(tx)', () => {
  const strangers: readonly (readonly [tx: unknown, message: string])[] = [
    [new Pool(), 'a node-postgres pool has no transaction'],
    [{}, 'an object is not a connection'],
    [{ query: () => 1 }, 'an object is not a connection'],
    [{ query: () => 1, release: () => 1 }, 'an object is not a connection'],
    [() => 1, 'a function is not'],
    [null, 'null is not'],
    [undefined, 'undefined is not'],
    ['begin', '"begin" is not'],
  ]

  it.each(strangers)('refuses %o', (tx, message) => {
    expect(() => onTransaction(tx, 1_000)).toThrow(expect.objectContaining({ code: 'KT_NOT_A_TRANSACTION' }))
    expect(() => onTransaction(tx, 1_000)).toThrow(message)
  })

  it('takes a node-postgres client', () => {
    expect(onTransaction(new Client(), 1_000)).toHaveProperty('query')
  })
})
