import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface DevWorkerOptions {
  /** The command line of a worker that ends when its line to us is dead. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Its process ended by itself. */
  readonly onGone: (code: number | null) => void
}

/**
 * The worker of `kongtask dev`, in a process of its own: what a module has left behind, nothing but the end of its process
 * takes away.
 */
export class DevWorker {
  readonly #options: DevWorkerOptions
  #child: ChildProcess | undefined
  #turn: Promise<void> = Promise.resolve()
  #restarts = 0

  constructor(options: DevWorkerOptions) {
    this.#options = options
    // A second Ctrl-C ends this process at once, and must not leave the other behind.
    process.once('exit', this.#kill)
  }

  start(): Promise<void> {
    return this.#inTurn(() => this.#begin())
  }

  /** Of several at once, the last one counts. */
  restart(): Promise<void> {
    const number = ++this.#restarts
    return this.#inTurn(async () => {
      if (number !== this.#restarts) return
      await this.#end()
      await this.#begin()
    })
  }

  async stop(): Promise<void> {
    this.#restarts++
    await this.#inTurn(() => this.#end())
    process.off('exit', this.#kill)
  }

  readonly #kill = (): void => void this.#child?.kill('SIGKILL')

  /** One after the other: a worker must have ended before the next one begins. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work))
  }

  #begin(): Promise<void> {
    const main = fileURLToPath(new URL(`./main${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
    // In a group of its own, so that Ctrl-C in the terminal comes to us alone.
    const child = fork(main, [...this.#options.args], {
      env: { ...this.#options.env },
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    child.once('exit', (code) => {
      if (this.#child !== child) return
      this.#child = undefined
      this.#options.onGone(code)
    })
    return Promise.resolve()
  }

  async #end(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    if (child.connected) child.disconnect()
    await gone
  }
}
