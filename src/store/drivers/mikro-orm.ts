import type { Driver } from './driver.ts'
import { knex } from './knex.ts'
import { kysely } from './kysely.ts'
import { hasMethods, isObject } from './shape.ts'

/** Its transactions are those of the query builder below: Kysely since version 7, Knex before. */
export const mikroOrm: Driver = {
  name: 'MikroORM',
  pass: 'the `em` of `orm.em.transactional(async (em) => …)`, or one on which `begin()` was called',
  recognise: (value) => {
    if (!isEntityManager(value)) return undefined
    const context = value.isInTransaction() ? value.getTransactionContext() : undefined
    if (!isObject(context)) return 'root'
    return kysely.recognise(context) ?? knex.recognise(context)
  },
}

interface EntityManager {
  isInTransaction(): boolean
  getTransactionContext(): unknown
}

function isEntityManager(value: object): value is EntityManager {
  return hasMethods(value, ['isInTransaction', 'getTransactionContext', 'fork'])
}
