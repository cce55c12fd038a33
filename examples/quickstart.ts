// Define, add, run. `npx tsx examples/quickstart.ts` starts a PostgreSQL of its own for it.
import { defineTask, handle, KongTask, run } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { z } from 'zod'

const sendWelcomeEmail = defineTask('send_welcome_email', {
  payload: z.object({ email: z.email(), name: z.string() }),
  maxAttempts: 5,
})

await using postgres = await startPostgres()
const { connectionString } = postgres

await using runner = await run({
  connectionString,
  tasks: [
    handle(sendWelcomeEmail, async ({ email, name }, { logger }) => {
      logger.info(`Dear ${name}, welcome!`, { email })
    }),
  ],
})

await using kong = new KongTask({ connectionString })
const done = new Promise<void>((resolve) => {
  runner.on('job.settled', () => resolve())
})
await kong.addJob(sendWelcomeEmail, { email: 'ada@example.org', name: 'Ada' })
await done
