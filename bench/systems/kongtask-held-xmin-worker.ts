import { defineTask, fixed, handle, run, type Logger } from 'kongtask'
import { BACKOFF } from '../processes/held-load.ts'
import { workHeld } from '../processes/held-worker.ts'

const task = defineTask<'held', { n: number }>('held', {
  retain: false,
  backoff: fixed(BACKOFF, { jitter: 0 }),
})

const nothing = (): void => undefined
const logger: Logger = {
  debug: nothing,
  info: nothing,
  // Fifty thousand failures are planned.
  warn: (message, fields) => fields?.['retryInMs'] === undefined && console.warn(message, fields),
  error: console.error,
}

/** A runner as anybody makes it. */
await workHeld(async (connectionString, log) => {
  const runner = await run({
    connectionString,
    migrate: false,
    logger,
    tasks: [handle(task, (payload, { job }) => log.run(payload, job.attempt))],
  })
  runner.on('job.settled', ({ settlement }) => {
    if (settlement.kind === 'completed') log.completed()
  })
  return () => runner.stop()
})
