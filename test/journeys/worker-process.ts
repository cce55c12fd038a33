// Run as a process of its own by worker.ts: a runner whose task `work` holds on until this process reads `finish` on
// its standard input. Says on its output, a line of JSON each, what happens.
import { createInterface } from 'node:readline'
import { run } from 'kongtask'
import { deferred } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import type { WorkerOptions, WorkerReport } from './worker.ts'

const options: WorkerOptions = JSON.parse(process.argv[2] ?? '{}')
const say = (report: WorkerReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`)
const finish = deferred()

const runner = await run({
  ...options,
  logger: silent,
  tasks: {
    work: async (_, { job, signal }) => {
      signal.addEventListener('abort', () => {
        say({ what: 'aborted', id: job.id, reason: signal.reason instanceof Error ? signal.reason.name : '' })
      })
      say({ what: 'started', id: job.id })
      await finish.promise
      return `by ${process.pid}`
    },
  },
})
runner.on('job.lost', ({ job }) => say({ what: 'lost', id: job.id }))
runner.on('job.settled', ({ job, settlement }) => say({ what: settlement.kind, id: job.id }))
void runner.stopped.then(() => {
  say({ what: 'stopped' })
  process.stdin.destroy()
})

createInterface(process.stdin).on('line', (order) => {
  if (order === 'finish') finish.resolve()
})
