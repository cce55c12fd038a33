import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { endingAsOurs, hasEnded } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, isObject, propertyOf } from './shape.ts'

const NAME = 'Sequelize'

export const sequelize: Driver = {
  name: NAME,
  pass: 'the `transaction` of `sequelize.transaction(async (transaction) => …)` or of `await sequelize.transaction()`',
  recognise: (value) => {
    if (hasMethods(value, ['define', 'query', 'transaction', 'getDialect'])) return 'root'
    return isTransaction(value) ? onTransaction(value) : undefined
  },
}

interface Transaction {
  readonly sequelize: { query(text: string, options: object): PromiseLike<unknown> }
  /** Once it has: `commit` or `rollback`. */
  readonly finished?: unknown
}

function isTransaction(value: object): value is Transaction {
  const instance = propertyOf(value, 'sequelize')
  return hasMethods(value, ['commit', 'rollback']) && isObject(instance) && hasMethods(instance, ['query'])
}

function onTransaction(transaction: Transaction): Queryable {
  return {
    query: async (text, values) => {
      if (typeof transaction.finished === 'string') throw hasEnded(NAME)
      const options = { bind: [...values], transaction, type: 'SELECT', raw: true }
      return endingAsOurs(NAME, isOver, async () => rowsOf(await transaction.sequelize.query(text, options)))
    },
  }
}

function isOver({ message }: Error): boolean {
  return message.includes('you can no longer use it')
}
