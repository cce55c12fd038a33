import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { survive } from '../processes/survival-worker.ts'

/** Jobs of a worker that died stay locked for four hours; to recover sooner, its documentation has a part of Worker Pro, which is paid for. */
await survive({
  setUp: async ({ connectionString }) => {
    const utils = await makeWorkerUtils({ connectionString })
    await utils.migrate()
    return (jobs) => utils.addJobs(jobs.map((payload) => ({ identifier: 'survival', payload })))
  },
  work: ({ connectionString, handler }) =>
    run({
      preset: { worker: { connectionString } },
      noHandleSignals: true,
      logger: new Logger(() => () => undefined),
      taskList: { survival: handler },
    }),
})
