// node pg-boss.mjs <connection string>: a database as pg-boss makes it, with jobs of every kind.
import { PgBoss } from 'pg-boss'

const [connectionString] = process.argv.slice(2)
const boss = new PgBoss({ connectionString, supervise: false, schedule: false })
boss.on('error', (error) => console.error(error))
await boss.start()

const later = new Date('2100-01-01T06:00:00Z')
await boss.createQueue('dead')
await boss.createQueue('send-email', { deadLetter: 'dead' })
await boss.createQueue('charge', { policy: 'key_strict_fifo' })
await boss.createQueue('report', { policy: 'exclusive' })
await boss.createQueue('sync', { policy: 'singleton', partition: true })
await boss.createQueue('two words!'.replace(' ', '_').replace('!', '.'))
for (const queue of ['fails', 'busy', 'flow']) await boss.createQueue(queue)

await boss.send('send-email', { to: 'ada@example.org' })
await boss.send('send-email', { to: 'later@example.org' }, { startAfter: later, priority: -2 })
for (const n of [1, 2, 3]) await boss.send('charge', { n }, { singletonKey: 'account-1', priority: 5 })
await boss.send('report', { of: 'may' }, { singletonKey: 'may', retryLimit: 4, expireInSeconds: 60 })
await boss.send('sync', null, { group: { id: 'acme' } })

await boss.send('fails', { n: 1 }, { retryLimit: 4, retryDelay: 3600, retryBackoff: true })
const [failing] = await boss.fetch('fails')
await boss.fail('fails', failing.id, new Error('no such mailbox'))
await boss.send('busy', {})
await boss.fetch('busy')

await boss.schedule(
  'send-email',
  '0 6 * * *',
  { to: 'all@example.org' },
  { tz: 'Europe/Berlin', missed: 'once' },
)
await boss.schedule('report', '*/10 * * * *', { of: 'june' }, { key: 'june', priority: 3, retryLimit: 1 })
await boss.schedule('report', 'FREQ=DAILY;BYHOUR=7', null, { key: 'rule' })
await boss.stop({ graceful: false })
