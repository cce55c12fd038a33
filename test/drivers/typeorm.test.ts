import { DataSource, EntitySchema, type QueryRunner } from 'typeorm'
import { contract } from './contract.ts'

const users = new EntitySchema<{ email: string }>({
  name: 'users',
  columns: { email: { type: String, primary: true } },
})

const connect = (url: string): Promise<DataSource> =>
  new DataSource({ type: 'postgres', url, entities: [users] }).initialize()

contract('TypeORM', async ({ kong, connectionString }) => {
  const dataSource = await connect(connectionString)
  return {
    inTransaction: (work) => dataSource.transaction(work),
    roots: { dataSource, manager: dataSource.manager },
    example: async () => {
      // docs: TypeORM
      await dataSource.transaction(async (manager) => {
        await manager.insert(users, { email: 'ada@example.org' })
        await kong.with(manager).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => dataSource.destroy(),
  }
})

contract('TypeORM, with a query runner', async ({ kong, connectionString }) => {
  const dataSource = await connect(connectionString)
  const idle = dataSource.createQueryRunner()
  const inTransaction = async (work: (runner: QueryRunner) => Promise<void>): Promise<void> => {
    const runner = dataSource.createQueryRunner()
    try {
      await runner.startTransaction()
      await work(runner)
      await runner.commitTransaction()
    } catch (error) {
      await runner.rollbackTransaction()
      throw error
    } finally {
      await runner.release()
    }
  }
  return {
    inTransaction,
    roots: { dataSource, idle, managerOfIdle: idle.manager },
    example: () =>
      inTransaction(async (runner) => {
        await runner.manager.insert(users, { email: 'ada@example.org' })
        await kong.with(runner).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: async () => {
      await idle.release()
      await dataSource.destroy()
    },
  }
})
