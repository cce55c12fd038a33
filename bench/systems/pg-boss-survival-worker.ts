import { PgBoss } from 'pg-boss'
import { survive } from '../processes/survival-worker.ts'

/**
 * By default a job that was begun may take a quarter of an hour before it counts as failed, and once a minute somebody looks.
 * `tuned` is what its documentation has against workers that die: heartbeats, of which 10 s is the shortest, and more looks. And as
 * many jobs at once as the others have, asked for as often as it lets one ask.
 */
const TUNED = { superviseIntervalSeconds: 5, monitorIntervalSeconds: 5 } as const
const TUNED_WORK = { localConcurrency: 10, pollingIntervalSeconds: 0.5 } as const
const QUEUE = 'survival'

async function start(connectionString: string, isTuned: boolean): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, ...(isTuned ? TUNED : {}) })
  // Without a listener an outage would end the process.
  boss.on('error', () => undefined)
  await boss.start()
  return boss
}

await survive({
  setUp: async ({ connectionString, config }) => {
    const boss = await start(connectionString, config === 'tuned')
    await boss.createQueue(QUEUE, config === 'tuned' ? { heartbeatSeconds: 10 } : {})
    return (jobs) =>
      boss.insert(
        QUEUE,
        jobs.map((data) => ({ data })),
      )
  },
  work: async ({ connectionString, config, handler }) => {
    const boss = await start(connectionString, config === 'tuned')
    await boss.work(QUEUE, config === 'tuned' ? TUNED_WORK : {}, async ([job]) => handler(job?.data))
  },
})
