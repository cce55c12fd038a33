import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { peerNode } from '../peers/peers.ts'
import type { SurvivalJob } from './survival-worker.ts'
import { PEER_FLAGS } from './system-process.ts'

/** Milliseconds for an answer; tens of thousands of jobs are added in less. */
const PATIENCE = 60_000

export interface SurvivalProgram {
  /** Its file name in bench/systems/. */
  readonly file: string
  readonly config: string
  /** Whether it needs the Node of the other systems. */
  readonly isPeer: boolean
}

/** A process of a system's: one that works, or the application that adds (survival-worker.ts). */
export class SurvivalProcess {
  readonly #child: ChildProcess
  #isKilled = false

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(
    { file, config, isPeer }: SurvivalProgram,
    role: 'work' | 'add',
    connectionString: string,
  ): Promise<SurvivalProcess> {
    const child = fork(fileURLToPath(new URL(`../systems/${file}`, import.meta.url)), [role, config], {
      env: { ...process.env, SURVIVAL_DATABASE_URL: connectionString },
      // What it says of an outage is no part of the measurement.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      ...(isPeer ? { execPath: peerNode(), execArgv: PEER_FLAGS } : {}),
    })
    const started = new SurvivalProcess(child)
    try {
      const said = await started.#answer()
      if (said !== 'ready') throw new Error(`The process did not become ready: ${String(said)}`)
      return started
    } catch (error) {
      await started.kill()
      throw error
    }
  }

  /** Resolves when they are added. */
  async add(jobs: readonly SurvivalJob[]): Promise<void> {
    const answer = this.#answer()
    this.#child.send(jobs)
    const said = await answer
    if (said !== 'added') throw new Error(`The jobs could not be added: ${String(said)}`)
  }

  /** What it says next, or that it has ended. */
  async #answer(): Promise<unknown> {
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(PATIENCE)])
    try {
      const [said]: unknown[] = await Promise.race([
        once(this.#child, 'message', { signal }),
        once(this.#child, 'exit', { signal }).then(([code]) => [`it ended with ${String(code)}`]),
      ])
      return said
    } finally {
      over.abort()
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Ended by itself. */
  get hasExited(): boolean {
    return !this.#isKilled && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#isKilled = true
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
