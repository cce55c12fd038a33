// Define a task, work it, add a job, and wait for what it came to: `npm start`, or `npm start -- Grace`.
import { defineTask, handle, KongTask, run } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { z } from 'zod'

const greet = defineTask('greet', { payload: z.object({ name: z.string().min(1) }), maxAttempts: 3 })

// A PostgreSQL of its own, unless DATABASE_URL names one.
const given = process.env['DATABASE_URL']
const postgres = given === undefined ? await startPostgres() : undefined
const connectionString = given ?? postgres?.connectionString ?? ''

const runner = await run({
  connectionString,
  tasks: [
    handle(greet, ({ name }, { logger }) => {
      logger.info('Greeting', { name })
      return `Hello, ${name}!`
    }),
  ],
})

const kong = new KongTask({ connectionString })
const { id } = await kong.addJob(greet, { name: process.argv[2] ?? 'Ada' })
console.log(await kong.jobs.result(id))

await kong.close()
await runner.stop()
await postgres?.stop()
