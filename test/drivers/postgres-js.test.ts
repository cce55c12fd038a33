import postgres from 'postgres'
import { contract } from './contract.ts'

contract('postgres.js', async ({ kong, connectionString }) => {
  const sql = postgres(connectionString, { onnotice: () => undefined })
  const reserved = await sql.reserve()
  return {
    inTransaction: (work) => sql.begin(work),
    roots: { sql, reserved },
    example: async () => {
      // docs: postgres.js
      await sql.begin(async (tx) => {
        await tx`insert into users values (${'ada@example.org'})`
        await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: async () => {
      reserved.release()
      await sql.end()
    },
  }
})

contract('postgres.js, in a savepoint', async ({ kong, connectionString }) => {
  const sql = postgres(connectionString, { max: 1 })
  return {
    inTransaction: (work) => sql.begin((tx) => tx.savepoint(work)),
    roots: { sql },
    example: async () => {
      await sql.begin(async (tx) => {
        await tx`insert into users values (${'ada@example.org'})`
        await tx.savepoint((point) => kong.with(point).addJob('send_email', { to: 'ada@example.org' }))
      })
    },
    close: () => sql.end(),
  }
})
