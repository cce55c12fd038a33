// The network between a runner and its database falls silent: no packet arrives any more, and no connection is closed.
import { run, type Runner, type TaskList } from 'kongtask'
import { expect, it, onTestFinished } from 'vitest'
import { addressOf, through } from '../../src/torture/address.ts'
import { Proxy } from '../../src/torture/proxy.ts'
import { deferred, eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { useJourney } from './journey.ts'

const app = useJourney()

/** Connections of its own, so that nothing but these is cut off. */
async function runThroughProxy(tasks: TaskList): Promise<{ runner: Runner; proxy: Proxy }> {
  const address = addressOf(app.database.directConnectionString)
  if (address === undefined) throw new Error('the test database is reached by no address')
  const proxy = await Proxy.open(() => address)
  onTestFinished(() => proxy.close())
  const runner = await run({
    connectionString: through(proxy.port, app.database.directConnectionString),
    tasks,
    logger: silent,
    migrate: false,
    leaseDuration: '1s',
    gracePeriod: 0,
  })
  onTestFinished(() => runner.stop())
  return { runner, proxy }
}

async function listens(): Promise<void> {
  const sessions = await app.query('select from kongtask.workers where session is not null')
  expect(sessions).toHaveLength(1)
}

it('a runner that is idle stops all the same', async () => {
  const { runner, proxy } = await runThroughProxy({ work: () => undefined })
  await eventually(listens)
  proxy.fallSilent()
  await expect(runner.stop()).resolves.toBeUndefined()
}, 30_000)

it('a runner stops whose old connections stay silent while new ones get through', async () => {
  const { runner, proxy } = await runThroughProxy({ work: () => undefined })
  await eventually(listens)
  proxy.fallSilent()
  proxy.speak()
  await expect(runner.stop()).resolves.toBeUndefined()
}, 30_000)

it('a runner stops whose handler waits for an answer that will not come', async () => {
  const [started, waiting] = [deferred(), deferred()]
  const { runner, proxy } = await runThroughProxy({
    work: async (_, { pool }) => {
      const client = await pool.connect()
      started.resolve()
      await waiting.promise
      await client.query('select')
    },
  })
  await app.kong.addJob('work')
  await started.promise
  proxy.fallSilent()
  waiting.resolve()
  await expect(runner.stop()).resolves.toBeUndefined()
}, 40_000)

it('a runner hears of new jobs again on a new connection', async () => {
  const { runner, proxy } = await runThroughProxy({ work: () => undefined })
  await eventually(listens)
  const [before] = await app.query('select session from kongtask.workers')
  proxy.fallSilent()
  proxy.speak()
  await eventually(
    async () => {
      const [now] = await app.query('select session from kongtask.workers where rescued_at is null')
      expect(now?.['session']).toEqual(expect.objectContaining({ pid: expect.any(Number) }))
      expect(now).not.toEqual(before)
    },
    { within: 20_000 },
  )
  await expect(runner.stop()).resolves.toBeUndefined()
}, 40_000)
