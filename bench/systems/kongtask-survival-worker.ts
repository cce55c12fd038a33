import { KongTask, run } from 'kongtask'
import { survive } from '../processes/survival-worker.ts'

const nothing = (): void => undefined

/** A client and a runner as anybody makes them. */
await survive({
  setUp: async ({ connectionString }) => {
    const kong = new KongTask({ connectionString })
    await kong.migrate()
    return (jobs) => kong.addJobs(jobs.map((job) => ({ task: 'survival', payload: { ...job } })))
  },
  work: ({ connectionString, handler }) =>
    run({
      connectionString,
      migrate: false,
      logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      tasks: { survival: handler },
    }),
})
