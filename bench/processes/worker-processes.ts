import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isWorkerMessage, type Report, type Tick } from './held-worker.ts'

const PROCESSES = 2
/** Without a word for so long, they are taken for stuck. */
const PATIENCE_MS = 60_000

export interface WorkerReport {
  /** How often each job ran, over all processes. */
  readonly runs: Uint8Array
  readonly lateStarts: ReadonlyMap<number, number>
}

/** So many jobs had started by then, over all processes. */
export interface Progress {
  readonly at: number
  readonly started: number
}

/** Processes that run a worker program (held-worker.ts). */
export class WorkerProcesses implements AsyncDisposable {
  readonly progress: Progress[] = []
  readonly #children: readonly Child[]
  #completed = 0

  private constructor(children: readonly Child[]) {
    this.#children = children
  }

  /** @param program its file name in bench/systems/ */
  static async start(program: string, connectionString: string, jobs: number): Promise<WorkerProcesses> {
    const path = fileURLToPath(new URL(`../systems/${program}`, import.meta.url))
    const children = Array.from({ length: PROCESSES }, () => new Child(path, [connectionString, `${jobs}`]))
    const processes = new WorkerProcesses(children)
    for (const child of children) child.onTick = (at) => processes.#ticked(at)
    try {
      await Promise.all(children.map(({ ready }) => ready))
    } catch (error) {
      await processes[Symbol.asyncDispose]()
      throw error
    }
    return processes
  }

  get started(): number {
    return this.progress.at(-1)?.started ?? 0
  }

  /** Resolves when the database has it that so many jobs are done. @throws when nothing has moved for a minute */
  async completed(jobs: number): Promise<void> {
    let seen = -1
    let seenAt = Date.now()
    while (this.#completed < jobs) {
      this.check()
      if (this.#completed !== seen) [seen, seenAt] = [this.#completed, Date.now()]
      else if (Date.now() - seenAt > PATIENCE_MS)
        throw new Error(`${seen} of ${jobs} jobs were completed, then no more: the measurement is void.`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  /** @throws when one has died */
  check(): void {
    for (const child of this.#children) child.check()
  }

  /** Stops them and collects what they did. */
  async report(jobs: number): Promise<WorkerReport> {
    const reports = await Promise.all(this.#children.map((child) => child.stop()))
    const runs = new Uint8Array(jobs)
    for (const report of reports) report.runs.forEach((count, n) => (runs[n] = (runs[n] ?? 0) + count))
    return { runs, lateStarts: new Map(reports.flatMap(({ lateStarts }) => lateStarts)) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.kill()))
  }

  #ticked(at: number): void {
    const sum = (of: keyof Tick): number => this.#children.reduce((total, { tick }) => total + tick[of], 0)
    this.#completed = sum('completed')
    // The processes' words may cross; what was there by then is what counts.
    this.progress.push({ at: Math.max(at, this.progress.at(-1)?.at ?? 0), started: sum('started') })
  }
}

const LOOK_MS = 10

class Child {
  tick: Tick = { at: 0, started: 0, completed: 0 }
  onTick: (at: number) => void = () => undefined
  readonly ready: Promise<void>
  readonly #process: ChildProcess
  readonly #died: Promise<Error>
  readonly #reported: Promise<Report>
  #death: Error | undefined

  constructor(path: string, args: readonly string[]) {
    const child = fork(path, args, { serialization: 'advanced' })
    this.#process = child
    this.#died = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const how = signal ?? `code ${code}`
        this.#death = new Error(`A worker process ended with ${how}: the measurement is void.`)
        resolve(this.#death)
      })
    })
    const wasReady = new Promise<void>((resolve) => {
      child.on('message', (message) => isWorkerMessage(message) && message.kind === 'ready' && resolve())
    })
    this.#reported = new Promise((resolve) => {
      child.on('message', (message) => {
        if (!isWorkerMessage(message)) return
        if (message.kind === 'report') resolve(message)
        if (message.kind === 'tick') this.#ticked(message.tick)
      })
    })
    this.ready = this.#orDied(wasReady)
  }

  /** @throws when it has died */
  check(): void {
    if (this.#death !== undefined) throw this.#death
  }

  stop(): Promise<Report> {
    this.#process.send('stop')
    return this.#orDied(this.#reported)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#died
  }

  #ticked(tick: Tick): void {
    this.tick = tick
    this.onTick(tick.at)
  }

  #orDied<T>(promise: Promise<T>): Promise<T> {
    const death = this.#died.then((error): Promise<never> => Promise.reject(error))
    return Promise.race([promise, death])
  }
}
