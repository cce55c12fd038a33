import type { Queryable } from '../db.ts'
import type { Driver } from './driver.ts'
import { hasEnded } from './open-only.ts'
import { rowsOf } from './rows-of.ts'
import { hasMethods, isObject, propertyOf } from './shape.ts'

const NAME = 'TypeORM'

export const typeorm: Driver = {
  name: NAME,
  pass: 'the `manager` of `dataSource.transaction(async (manager) => …)`, or a query runner after `startTransaction()`',
  recognise: (value) => {
    if (isRunner(value)) return onRunner(value)
    if (hasMethods(value, ['createQueryRunner', 'getRepository', 'query'])) return 'root'
    if (!hasMethods(value, ['createQueryBuilder', 'getRepository', 'withRepository', 'query']))
      return undefined
    const runner = propertyOf(value, 'queryRunner')
    return isObject(runner) && isRunner(runner) ? onRunner(runner) : 'root'
  },
}

interface QueryRunner {
  readonly isTransactionActive: boolean
  readonly isReleased: boolean
  query(text: string, values: unknown[]): PromiseLike<unknown>
}

function isRunner(value: object): value is QueryRunner {
  return (
    hasMethods(value, ['query', 'startTransaction']) &&
    typeof propertyOf(value, 'isTransactionActive') === 'boolean'
  )
}

function onRunner(runner: QueryRunner): Queryable {
  return {
    query: async (text, values) => {
      if (!runner.isTransactionActive || runner.isReleased) throw hasEnded(NAME)
      return rowsOf(await runner.query(text, [...values]))
    },
  }
}
