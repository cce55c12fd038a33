// Runs in Bun: the contract on Bun's own SQL. What comes of each check is a line of JSON; `list` only names them.
import { SQL, type TransactionSQL } from 'bun'
import { KongTask } from 'kongtask'
import { checksOf, type Subject } from './checks.ts'

const connectionString = process.env['DATABASE_URL'] ?? ''
const sql = new SQL(connectionString)
const outside = new SQL(connectionString)
const kong = new KongTask({ connectionString })
const reserved = await sql.reserve()

const subject: Subject<TransactionSQL> = {
  kong,
  look: async (text) => [...(await outside.unsafe(text))],
  inTransaction: (work) => sql.begin(work),
  roots: { sql, reserved },
  example: async () => {
    // docs: Bun
    await sql.begin(async (tx) => {
      await tx`insert into users values (${'ada@example.org'})`
      await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
    })
    // end
  },
  close: async () => {
    await reserved.release()
    await sql.end()
    await outside.end()
    await kong.close()
  },
}

for (const { sentence, run } of checksOf<TransactionSQL>()) {
  await subject.look('truncate kongtask.jobs, users')
  const problem = await run(subject).then(
    () => null,
    (error: unknown) => Bun.inspect(error),
  )
  process.stdout.write(`${JSON.stringify({ sentence, problem })}\n`)
}
await subject.close()
