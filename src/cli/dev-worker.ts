import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface DevWorkerOptions {
  /** The command line of a worker that ends when its line to us is dead. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** What is started with them. @default `kongtask` */
  readonly program?: string
  /** Milliseconds that it may take to end when it is to; then it is killed. */
  readonly patience: number
  /** Its process ended by itself. */
  readonly onGone: (code: number | null) => void
  /** Its process could not be started. */
  readonly onFailure: (error: Error) => void
  /** It did not end in time, and is killed. */
  readonly onStuck: () => void
}

/** Whoever has changed a file waits for the change. */
export const DEV_GRACE = '5s'

/** Milliseconds for the last words of a worker, where this process ends at once. */
const LAST_MOMENT = 250

const LONGEST_TIMER = 2 ** 31 - 1

interface Started {
  readonly process: ChildProcess
  readonly ended: Promise<void>
}

/**
 * The worker of `kongtask dev`, in a process of its own: what a module has left behind, nothing but the end of its process
 * takes away.
 */
export class DevWorker {
  readonly #options: DevWorkerOptions
  #child: Started | undefined
  /** The one that was told to end. */
  #ending: ChildProcess | undefined
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

  /** Two signals end it at once, and it takes with it the programs that it runs; killed outright it could not. */
  readonly #kill = (): void => {
    const child = this.#child?.process
    if (child === undefined) return
    child.kill('SIGINT')
    child.kill('SIGTERM')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_MOMENT)
    child.kill('SIGKILL')
  }

  /** One after the other: a worker must have ended before the next one begins. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work))
  }

  #begin(): Promise<void> {
    const { args, env, program = mainFile() } = this.#options
    // In a group of its own, so that Ctrl-C in the terminal comes to us alone.
    const child = fork(program, [...args], {
      env: { ...env },
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const ended = new Promise<void>((resolve) => {
      child.once('exit', (code) => {
        resolve()
        if (this.#forget(child)) this.#options.onGone(code)
      })
      child.on('error', (error) => {
        // Of one that runs: a message that did not arrive.
        if (child.pid !== undefined) return
        resolve()
        if (this.#forget(child)) this.#options.onFailure(error)
      })
    })
    this.#child = { process: child, ended }
    return Promise.resolve()
  }

  async #end(): Promise<void> {
    if (this.#child === undefined) return
    const { process: child, ended } = this.#child
    // It is still killed with us, and no longer has ended by itself.
    this.#ending = child
    if (child.connected) child.disconnect()
    const timer = setTimeout(
      () => {
        this.#options.onStuck()
        child.kill('SIGKILL')
      },
      Math.min(this.#options.patience, LONGEST_TIMER),
    )
    await ended
    clearTimeout(timer)
  }

  /** @returns whether nobody had asked it to end */
  #forget(child: ChildProcess): boolean {
    if (this.#child?.process === child) this.#child = undefined
    return this.#ending !== child
  }
}

function mainFile(): string {
  return fileURLToPath(new URL(`./main${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
}
