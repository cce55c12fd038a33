import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/postgresql'
import { contract } from './contract.ts'

const User = new EntitySchema<{ email: string }>({
  name: 'User',
  tableName: 'users',
  properties: { email: { type: 'text', primary: true } },
})

const connect = (clientUrl: string): Promise<MikroORM> => MikroORM.init({ clientUrl, entities: [User] })

contract('MikroORM', async ({ kong, connectionString }) => {
  const orm = await connect(connectionString)
  return {
    inTransaction: (work: (em: EntityManager) => Promise<void>) => orm.em.transactional(work),
    roots: { em: orm.em, fork: orm.em.fork() },
    example: async () => {
      // docs: MikroORM
      await orm.em.transactional(async (em) => {
        em.create(User, { email: 'ada@example.org' })
        await kong.with(em).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => orm.close(),
  }
})

contract('MikroORM, begun by hand', async ({ kong, connectionString }) => {
  const orm = await connect(connectionString)
  const inTransaction = async (work: (em: EntityManager) => Promise<void>): Promise<void> => {
    const em = orm.em.fork()
    await em.begin()
    try {
      await work(em)
      await em.commit()
    } catch (error) {
      await em.rollback()
      throw error
    }
  }
  return {
    inTransaction,
    roots: { em: orm.em },
    example: () =>
      inTransaction(async (em) => {
        em.persist(em.create(User, { email: 'ada@example.org' }))
        await kong.with(em).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: () => orm.close(),
  }
})
