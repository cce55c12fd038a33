import { KongTask, run } from 'kongtask'
import { AT_ONCE, lineJobOf, type LineCheck, type LineWorker } from '../lines.ts'

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: console.warn, error: console.error }

/** A runner and a client as anybody makes them. */
export async function kongTaskLines(
  connectionString: string,
  check: LineCheck,
  count: number,
): Promise<LineWorker> {
  const kong = new KongTask({ connectionString })
  await kong.migrate()
  const runner = await run({
    connectionString,
    concurrency: AT_ONCE,
    logger: silent,
    tasks: { line: (payload) => check.work(lineJobOf(payload)) },
  })
  let left = count
  const done = new Promise<void>((resolve, reject) => {
    runner.on('job.settled', ({ settlement }) => {
      if (settlement.kind !== 'completed') reject(new Error(`A job was settled as ${settlement.kind}.`))
      left -= 1
      if (left === 0) resolve()
    })
  })
  return {
    add: (jobs) =>
      kong.addJobs(jobs.map((payload) => ({ task: 'line', payload, serialKey: `key ${payload.key}` }))),
    done: () => done,
    close: async () => {
      await runner.stop()
      await kong.close()
    },
  }
}
