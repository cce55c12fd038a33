import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Proxy } from './proxy.ts'
import { isWorkerReport, type WorkerOrder, type WorkerOrders, type Version } from './worker-message.ts'

// Built or not, its program stands beside this file and has the same ending.
const ENDING = extname(fileURLToPath(import.meta.url))
const PROGRAM = fileURLToPath(new URL(`worker-process${ENDING}`, import.meta.url))
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))

export interface WorkerOptions extends WorkerOrders {
  /** Its way to the database, where that is to fall silent. It ends with the worker. */
  readonly proxy: Proxy | undefined
  readonly onWeather: (complaint: string) => void
}

/** A worker in a process of its own. */
export class Worker {
  readonly process: number
  readonly version: Version
  readonly proxy: Proxy | undefined
  /** What it said, when it has ended. */
  readonly ended: Promise<string>
  /** `hurt`: suspended, or cut off. */
  state: 'starting' | 'working' | 'hurt' | 'stopping' | 'ended' = 'starting'
  /** We ended it. */
  isDismissed = false
  readonly #child: ChildProcess

  constructor({ proxy, onWeather, ...orders }: WorkerOptions) {
    this.process = orders.process
    this.version = orders.version
    this.proxy = proxy
    const child = fork(PROGRAM, {
      // From source, TypeScript has to be loaded first.
      execArgv: ENDING === '.ts' ? ['--import', 'tsx'] : [],
      cwd: PACKAGE,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    const complaint = child.stderr === null ? Promise.resolve('') : text(child.stderr)
    this.ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
      .then(() => proxy?.close())
      .then(() => {
        this.state = 'ended'
        return complaint
      })
    child.on('message', (message) => {
      if (!isWorkerReport(message)) return
      if (message.what === 'working' && this.state === 'starting') this.state = 'working'
      if (message.what === 'weather') onWeather(`${message.doing}: ${message.error}`)
    })
    this.#tell({ what: 'begin', orders })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  kill(): void {
    this.isDismissed = true
    this.state = 'stopping'
    this.#child.kill('SIGKILL')
  }

  /** Stops in good order, and ends. */
  stop(): void {
    this.isDismissed = true
    this.state = 'stopping'
    this.#tell({ what: 'stop' })
  }

  suspend(): void {
    this.state = 'hurt'
    this.#child.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
    this.state = 'working'
  }

  cutOff(): void {
    this.state = 'hurt'
    this.proxy?.fallSilent()
  }

  reconnect(): void {
    this.proxy?.speak()
    this.state = 'working'
  }

  #tell(order: WorkerOrder): void {
    // It may be dead by now, which is told elsewhere.
    this.#child.send(order, () => undefined)
  }
}
