// node graphile-worker.mjs <connection string>: a database as graphile-worker makes it, with jobs of every kind. Ends by killing
// itself within a handler, so that a job is left that is being run.
import { makeWorkerUtils, parseCrontab, run, runOnce } from 'graphile-worker'

const [connectionString] = process.argv.slice(2)
const worker = { connectionString }
const utils = await makeWorkerUtils({ connectionString })
await utils.migrate()

// Fails once, and waits for its retry; runs alone, as nothing else is there yet.
await utils.addJob('fails', { n: 1 }, { maxAttempts: 5 })
const failing = () => {
  throw new Error('no such mailbox')
}
await runOnce({ preset: { worker }, taskList: { fails: failing } })

const later = new Date('2100-01-01T06:00:00Z')
await utils.addJob('send_email', { to: 'ada@example.org' })
await utils.addJob('send_email', { to: 'later@example.org' }, { runAt: later })
for (const n of [1, 2, 3]) await utils.addJob('charge', { n }, { queueName: 'account-1' })
await utils.addJob('charge', { n: 4 }, { queueName: 'account-2', runAt: later })
await utils.addJob(
  'report',
  { of: 'may' },
  { jobKey: 'report:may', priority: -5, maxAttempts: 3, flags: ['slow'] },
)
await utils.addJob('two words', {})
await utils.withPgClient((client) =>
  client.query(`select graphile_worker.add_job('exact', '{"n": 12345678901234567890, "f": 1.10}')`),
)
await utils.addJob('busy', {})
await utils.release()

await run({
  preset: { worker },
  noHandleSignals: true,
  parsedCronItems: parseCrontab('0 6 * * * send_email ?id=morning {to:"all@example.org"}'),
  taskList: { busy: () => process.kill(process.pid, 'SIGKILL') },
})
