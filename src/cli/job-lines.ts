import { performance } from 'node:perf_hooks'
import type { Runner } from '../runner/runner.ts'
import { plainText } from './plain-text.ts'
import type { Terminal } from './terminal.ts'

/** A line for each job that ends; failures are in the log already. */
export function tellJobs(runner: Pick<Runner, 'on'>, terminal: Terminal): void {
  const begun = new Map<string, number>()
  runner.on('job.started', ({ job }) => begun.set(job.id, performance.now()))
  runner.on('job.settled', ({ job, settlement }) => {
    const start = begun.get(job.id)
    begun.delete(job.id)
    const took = start === undefined ? '' : ` in ${Math.round(performance.now() - start)} ms`
    const what = `${job.task} ${job.id}`
    if (settlement.kind === 'completed')
      terminal.say(`${terminal.paint('green', '✓')} ${what} completed${took}`)
    else if (settlement.kind === 'cancelled')
      terminal.say(`- ${what} cancelled: ${plainText(settlement.reason)}`)
    else if (settlement.kind === 'snoozed') terminal.say(`- ${what} snoozed for ${settlement.delay} ms`)
  })
}
