// Run as a process of its own by worker.ts: a runner whose task `work` ends at once and whose task `exit` ends the process. Says on
// its output, a line of JSON each, what starts.
import { run } from 'kongtask'
import { silent } from './journey-logger.ts'
import type { WorkerOptions, WorkerReport } from './worker.ts'

const options: WorkerOptions = JSON.parse(process.argv[2] ?? '{}')
const say = (report: WorkerReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`)

await run({
  ...options,
  logger: silent,
  tasks: {
    work: (_, { job }) => {
      say({ what: 'started', id: job.id })
      return 'unharmed'
    },
    exit: (_, { job }) => {
      say({ what: 'started', id: job.id })
      process.exit(9)
    },
  },
})
