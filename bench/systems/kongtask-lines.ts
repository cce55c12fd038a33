import { KongTask, run } from 'kongtask'
import { AT_ONCE, Countdown, lineJobOf, type LineCheck, type LineWorker } from '../loads/lines.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

/** A runner and a client as anybody makes them. */
export async function kongTaskLines(connectionString: string, check: LineCheck): Promise<LineWorker> {
  const kong = new KongTask({ connectionString })
  await kong.migrate()
  const runner = await run({
    connectionString,
    concurrency: AT_ONCE,
    logger: silent,
    tasks: { line: (payload) => check.work(lineJobOf(payload)) },
  })
  const countdown = new Countdown()
  runner.on('job.settled', ({ settlement }) => {
    if (settlement.kind === 'completed') countdown.ended()
    else countdown.failed(`A job was settled as ${settlement.kind}.`, settlement)
  })
  return {
    add: (jobs) => {
      countdown.expect(jobs.length)
      return kong.addJobs(jobs.map((payload) => ({ task: 'line', payload, serialKey: `key ${payload.key}` })))
    },
    done: () => countdown.done,
    close: async () => {
      await runner.stop()
      await kong.close()
    },
  }
}
