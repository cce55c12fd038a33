import { Sequelize, type Transaction } from 'sequelize'
import { contract } from './contract.ts'

contract('Sequelize', async ({ kong, connectionString }) => {
  const sequelize = new Sequelize(connectionString, { logging: false })
  return {
    inTransaction: (work: (transaction: Transaction) => Promise<void>) => sequelize.transaction(work),
    roots: { sequelize },
    example: async () => {
      // docs: Sequelize
      await sequelize.transaction(async (transaction) => {
        await sequelize.query('insert into users values ($1)', { bind: ['ada@example.org'], transaction })
        await kong.with(transaction).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => sequelize.close(),
  }
})
