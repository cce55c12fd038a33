// An application whose server is about to be hurt: a client and a runner behind a proxy, so that the server may come back
// anywhere, and what was said to both.
import { KongTask, run, type Runner, type RunnerOptions } from 'kongtask'
import { addressOf, through } from '../../src/torture/address.ts'
import { Proxy } from '../../src/torture/proxy.ts'
import { silent } from '../journeys/journey-logger.ts'
import { withClient } from './run-databases.ts'
import { eventually } from './wait.ts'

export class Endangered implements AsyncDisposable {
  readonly runner: Runner
  /** Jobs whose adding was acknowledged, and what was said where it was not. */
  readonly acknowledged: string[] = []
  readonly refused: unknown[] = []
  /** What the runner said of outages. */
  readonly weather: unknown[] = []
  hasStopped = false
  readonly #kong: KongTask
  readonly #proxy: Proxy

  private constructor(kong: KongTask, runner: Runner, proxy: Proxy) {
    this.#kong = kong
    this.#proxy = proxy
    this.runner = runner
    void runner.stopped.then(() => (this.hasStopped = true))
    runner.on('worker.weather', ({ error }) => this.weather.push(error))
  }

  /** `server`: where it is now, asked for each new connection. */
  static async open(
    server: () => string,
    options: Pick<RunnerOptions, 'tasks' | 'concurrency' | 'migrate'>,
  ): Promise<Endangered> {
    const proxy = await Proxy.open(() => {
      const address = addressOf(server())
      if (address === undefined) throw new Error('the server is reached by no address')
      return address
    })
    const connectionString = through(proxy.port, server())
    const runner = await run({ connectionString, logger: silent, pollInterval: 200, ...options })
    return new Endangered(new KongTask({ connectionString }), runner, proxy)
  }

  /** @throws what it was refused with */
  async addOne(payload = {}): Promise<void> {
    try {
      this.acknowledged.push((await this.#kong.addJob('work', payload)).id)
    } catch (error) {
      this.refused.push(error)
      throw error
    }
  }

  /** Each job that was acknowledged completes, once; on the server itself, as the proxy may be cut. */
  async allRun(connectionString: string): Promise<void> {
    await withClient(connectionString, (client) =>
      eventually(
        async () => {
          const { rows } = await client.query(
            `select a as id from unnest($1::int8[]) a
              where (select count(*) from kongtask.history h where h.id = a and h.completed) <> 1`,
            [this.acknowledged],
          )
          if (rows.length > 0) throw new Error(`not completed: ${JSON.stringify(rows)}`)
        },
        { within: 40_000 },
      ),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner.stop()
    await this.#kong.close()
    await this.#proxy.close()
  }
}
