import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { endingAsOurs, hasEnded } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, propertyOf } from './shape.ts'

const NAME = 'Knex'

export const knex: Driver = {
  name: NAME,
  pass: 'the `trx` of `knex.transaction(async (trx) => …)` or of `await knex.transaction()`',
  recognise: (value) => {
    if (!hasMethods(value, ['raw', 'queryBuilder', 'transaction'])) return undefined
    return isTransaction(value) ? onTransaction(value) : 'root'
  },
}

interface Transaction {
  raw(text: string, bindings: unknown[]): PromiseLike<unknown>
  isCompleted(): boolean
}

function isTransaction(value: object): value is Transaction {
  return propertyOf(value, 'isTransaction') === true && hasMethods(value, ['isCompleted'])
}

function onTransaction(trx: Transaction): Queryable {
  return {
    query: async (text, values) => {
      if (trx.isCompleted()) throw hasEnded(NAME)
      const [raw, bindings] = withQuestionMarks(text, values)
      return endingAsOurs(NAME, isOver, async () => rowsOf(await trx.raw(raw, bindings)))
    },
  }
}

/** Knex binds by `?` alone, of which those that are meant as such are escaped. What is in the values it leaves alone. */
export function withQuestionMarks(
  text: string,
  values: readonly unknown[],
): [text: string, bindings: unknown[]] {
  const bindings: unknown[] = []
  const raw = text.replaceAll(/\$(\d+)|\?/g, (_, number: string | undefined) => {
    if (number === undefined) return String.raw`\?`
    bindings.push(values[Number(number) - 1])
    return '?'
  })
  return [raw, bindings]
}

function isOver({ message }: Error): boolean {
  return message.startsWith('Transaction query already complete')
}
