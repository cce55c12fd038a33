// node bullmq.mjs <connection string>: a database as BullMQ makes it, with jobs of every kind.
import { FlowProducer, Queue, Worker, createPostgresBackend, runMigrations } from 'bullmq'
import pg from 'pg'

const [connectionString] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString, max: 1 })
const client = await pool.connect()
await runMigrations(client)
client.release()
await pool.end()

const later = Date.parse('2100-01-01T06:00:00Z')
const options = { connection: connectionString }
const mail = new Queue('mail', options, createPostgresBackend)
const work = new Queue('work', options, createPostgresBackend)

// Before anything else is there, so that this is what a worker gets.
await work.add('fails', { n: 1 }, { attempts: 5, backoff: { type: 'fixed', delay: 3_600_000 } })
const worker = new Worker('work', undefined, { ...options, autorun: false }, createPostgresBackend)
const failing = await worker.getNextJob('seed')
await failing.moveToFailed(new Error('no such mailbox'), 'seed', false)
await work.add('busy', {})
await worker.getNextJob('seed')

await mail.add('welcome', { to: 'ada@example.org' })
await mail.add('welcome', { to: 'later@example.org' }, { delay: later - Date.now() })
for (const n of [1, 2, 3]) await work.add('charge', { n }, { priority: 4 - n, removeOnComplete: true })
await work.add('report', { of: 'may' }, { deduplication: { id: 'may' }, attempts: 3 })
await work.add('two words', {})
await mail.upsertJobScheduler(
  'morning',
  { pattern: '0 6 * * *', tz: 'Europe/Berlin' },
  { name: 'digest', data: { to: 'all' } },
)
await mail.upsertJobScheduler('often', { every: 90_000 }, { name: 'poll', data: {} })
await mail.upsertJobScheduler('thrice', { pattern: '0 7 * * *', limit: 3 }, { name: 'poll', data: {} })
const flows = new FlowProducer(options, createPostgresBackend)
await flows.add({
  name: 'parent',
  queueName: 'work',
  data: {},
  children: [{ name: 'child', queueName: 'work', data: {} }],
})
await Promise.all([worker.close(true), mail.close(), work.close(), flows.close()])
process.exit(0)
