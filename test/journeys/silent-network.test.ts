// The network between a runner and its database falls silent: no packet arrives any more, and no connection is closed.
import { run, type Duration, type Runner, type TaskList } from 'kongtask'
import { expect, it, onTestFinished } from 'vitest'
import { addressOf, through } from '../../src/torture/address.ts'
import { Proxy } from '../../src/torture/proxy.ts'
import { deferred, eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

/** Connections of its own, so that nothing but these is cut off. */
async function runThroughProxy(
  tasks: TaskList,
  leaseDuration: Duration = '1s',
): Promise<{ runner: Runner; proxy: Proxy }> {
  const address = addressOf(app.database.directConnectionString)
  if (address === undefined) throw new Error('the test database is reached by no address')
  const proxy = await Proxy.open(() => address)
  onTestFinished(() => proxy.close())
  const runner = await run({
    connectionString: through(proxy.port, app.database.directConnectionString),
    tasks,
    logger: silent,
    migrate: false,
    leaseDuration,
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

it('a runner keeps its jobs where the server has lost the connection by which others see it, without a word', async () => {
  const [started, gate] = [deferred(), deferred()]
  const { runner, proxy } = await runThroughProxy(
    {
      work: async () => {
        started.resolve()
        await gate.promise
        return 'undisturbed'
      },
    },
    '15s',
  )
  const { id } = await app.kong.addJob('work')
  await started.promise
  await eventually(listens)
  const [before] = await app.query(`
    select w.id, w.session, a.client_port from kongtask.workers w join pg_stat_activity a on a.pid = (w.session ->> 'pid')::int4`)
  // Another one that looks for who is gone.
  const heir = await app.run({})
  const rescued: unknown[] = []
  heir.on('worker.rescued', (found) => rescued.push(found))
  const noticed = once(runner, 'worker.weather', ({ doing }) => doing === 'listen for new jobs')
  proxy.fallSilentFor(Number(before?.['client_port']))
  await app.query(
    `select pg_terminate_backend((session ->> 'pid')::int4) from kongtask.workers where id = $1`,
    [before?.['id']],
  )
  await eventually(
    async () => {
      const [now] = await app.query('select session from kongtask.workers where id = $1', [before?.['id']])
      expect(now?.['session']).toEqual(expect.objectContaining({ pid: expect.any(Number) }))
      expect(now?.['session']).not.toEqual(before?.['session'])
    },
    { within: 20_000 },
  )
  await noticed
  const done = settled(runner, 1)
  gate.resolve()
  await done
  expect(rescued).toEqual([])
  expect(await app.job(id)).toMatchObject({ state: 'completed', result: 'undisturbed', attempt: 1 })
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
