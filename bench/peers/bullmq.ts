import {
  Queue,
  Worker,
  createPostgresBackend,
  runMigrations,
  type Connection,
  type RedisConnection,
} from 'bullmq'
import pg from 'pg'
import type { JobSystem, OpenOptions } from '../loads/job-system.ts'

/** Its page on concurrency: 100 to 300 is usual where handlers wait. */
const TUNED_CONCURRENCY = 100
/** Its page on PostgreSQL: connections enough for the concurrency; of a server that has a hundred in all. */
const TUNED_POOL = 40

export function openOnRedis(options: OpenOptions): Promise<JobSystem> {
  const { hostname, port } = new URL(options.connectionString)
  return openBullMq(options, { host: hostname, port: Number(port) })
}

export async function openOnPostgres(options: OpenOptions): Promise<JobSystem> {
  const { connectionString, configuration, isFirst } = options
  const pool = new pg.Pool({ connectionString, max: 1 })
  if (isFirst) {
    await pool.query('drop schema if exists bullmq cascade')
    const client = await pool.connect()
    await runMigrations(client)
    client.release()
  }
  const connection = configuration === 'tuned' ? { connectionString, max: TUNED_POOL } : connectionString
  const system = await openBullMq(options, connection, createPostgresBackend)
  return {
    ...system,
    settleDown: () => pool.query('vacuum (analyze)'),
    close: async () => {
      await system.close()
      await pool.end()
    },
  }
}

/** @param backend undefined for Redis */
async function openBullMq(
  { configuration, queues: names }: OpenOptions,
  connection: Connection | RedisConnection,
  backend?: typeof createPostgresBackend,
): Promise<JobSystem> {
  const isTuned = configuration === 'tuned'
  const queues = new Map(names.map((name) => [name, new Queue(name, { connection }, backend)]))
  const queueOf = (name: string): Queue => {
    const queue = queues.get(name)
    if (queue === undefined) throw new Error(`There is no queue ${name}.`)
    return queue
  }
  for (const queue of queues.values()) queue.on('error', complain)
  await Promise.all([...queues.values()].map((queue) => queue.waitUntilReady()))
  return {
    add: (queue, payloads) =>
      queueOf(queue).addBulk(
        payloads.map((data) => ({
          name: 'job',
          data,
          ...(isTuned ? { opts: { removeOnComplete: true } } : {}),
        })),
      ),
    work: async (lanes) => {
      const workers = lanes.map(
        ({ queue, concurrency = isTuned ? TUNED_CONCURRENCY : undefined, handler }) => {
          const worker = new Worker(
            queue,
            async ({ data }) => handler(data),
            { connection, ...(concurrency === undefined ? {} : { concurrency }) },
            backend,
          )
          return worker.on('error', complain)
        },
      )
      await Promise.all(workers.map((worker) => worker.waitUntilReady()))
      return { stop: async () => void (await Promise.all(workers.map((worker) => worker.close()))) }
    },
    isEmpty: async (queue) => {
      const counts = await queueOf(queue).getJobCounts('wait', 'active', 'delayed', 'prioritized', 'failed')
      return Object.values(counts).every((count) => count === 0)
    },
    close: async () => void (await Promise.all([...queues.values()].map((queue) => queue.close()))),
  }
}

function complain(error: Error): void {
  console.error(`BullMQ: ${error.message}`)
}
