// Run as a process of its own by exactly-once.test.ts: a runner whose task moves money between accounts and completes in
// the transaction that does so. Says on its output when it works.
import { run, type JobContext } from 'kongtask'
import { silent } from './journey-logger.ts'
import type { WorkerOptions, WorkerReport } from './worker.ts'

export interface Transfer {
  readonly number: number
  readonly from: number
  readonly to: number
  readonly cents: number
}

const options: WorkerOptions = JSON.parse(process.argv[2] ?? '{}')
const say = (report: WorkerReport): void => void process.stdout.write(`${JSON.stringify(report)}\n`)

async function transfer({ number, from, to, cents }: Transfer, ctx: JobContext): Promise<void> {
  await ctx.withTransaction(async (tx) => {
    // The lower number first, so that no two transfers wait for each other crosswise.
    const moves = [
      { account: from, by: -cents },
      { account: to, by: cents },
    ].toSorted((a, b) => a.account - b.account)
    for (const { account, by } of moves) {
      await tx.query('update accounts set cents = cents + $1, moves = moves + 1 where id = $2', [by, account])
    }
    await tx.query('update transfers set times = times + 1 where number = $1', [number])
    // Kills shall meet transactions that are open before and behind the completion.
    await tx.query('select pg_sleep(random() * 0.02)')
    await ctx.complete(tx, number)
    await tx.query('select pg_sleep(random() * 0.02)')
  })
}

const runner = await run({
  ...options,
  logger: silent,
  pollInterval: 200,
  migrate: false,
  tasks: { transfer },
})
runner.on('job.settled', ({ job, settlement }) => {
  if (settlement.kind !== 'completed') say({ what: 'other', id: job.id, reason: JSON.stringify(settlement) })
})
say({ what: 'started' })
