import { through } from './address.ts'
import type { GroundNames } from './ground.ts'
import { Proxy } from './proxy.ts'
import type { Target } from './target.ts'
import { until } from './until.ts'
import type { Version } from './worker-message.ts'
import { Worker } from './worker.ts'

export interface CrewOptions {
  readonly target: Target
  readonly names: GroundNames
  readonly lease: number
  /** Whether each worker has a proxy in its way. */
  readonly isProxied: boolean
  /** What the first of them signs with. */
  readonly firstProcess: number
  readonly signal: AbortSignal
}

/** From here on something is wrong that another process would not mend. */
const MOST_DEATHS = 5
/** Milliseconds. */
const LONGEST_START = 60_000

/** The worker processes of a scenario. */
export class Crew {
  readonly #options: CrewOptions
  #members: readonly Worker[] = []
  #hired = 0
  #isDismissed = false
  /** Processes that ended although nobody had killed them, with what they said. */
  readonly deaths: string[] = []
  /** What processes complained of, and how often. */
  readonly weather = new Map<string, number>()

  constructor(options: CrewOptions) {
    this.#options = options
  }

  get members(): readonly Worker[] {
    return this.#members
  }

  get working(): readonly Worker[] {
    return this.#members.filter(({ state }) => state === 'working')
  }

  get nextProcess(): number {
    return this.#options.firstProcess + this.#hired
  }

  /** Adds a worker, which is starting. */
  async hire(version: Version = 'old'): Promise<Worker> {
    const { target, names, lease, isProxied } = this.#options
    const process = this.nextProcess
    this.#hired += 1
    const proxy = isProxied && target.address !== undefined ? await Proxy.open(target.address) : undefined
    const connectionString = proxy === undefined ? target.direct() : through(proxy.port, target.direct())
    const onWeather = (complaint: string): void =>
      void this.weather.set(complaint, (this.weather.get(complaint) ?? 0) + 1)
    const worker = new Worker({ process, version, names, lease, connectionString, proxy, onWeather })
    this.#members = [...this.#members, worker]
    // Its proxy took a moment to open.
    if (this.#isDismissed) worker.kill()
    void worker.ended.then((complaint) => this.#over(worker, complaint))
    return worker
  }

  /** So many that work. */
  async hireMany(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.hire()))
    const { signal } = this.#options
    if (await until(() => this.isComplete, { within: LONGEST_START, signal })) return
    throw new Error(
      `The worker processes do not get to work. ${[...this.deaths, ...this.weather.keys()].join('\n')}`,
    )
  }

  /** Everybody works: none is starting, stopping or hurt. */
  get isComplete(): boolean {
    return this.#members.every(({ state }) => state === 'working')
  }

  /** Kills one, and has another in its place. Resolves when the one is dead, and the other about to start. */
  async replace(victim: Worker, version: Version = victim.version): Promise<void> {
    victim.kill()
    await Promise.all([victim.ended, this.hire(version)])
  }

  async dismiss(): Promise<void> {
    this.#isDismissed = true
    for (const member of this.#members) member.kill()
    await Promise.all(this.#members.map(({ ended }) => ended))
  }

  #over(worker: Worker, complaint: string): void {
    this.#members = this.#members.filter((member) => member !== worker)
    if (worker.isDismissed) return
    this.deaths.push(complaint.trim().split('\n').slice(0, 20).join('\n'))
    if (this.deaths.length < MOST_DEATHS) void this.hire(worker.version)
  }
}
