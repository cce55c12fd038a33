import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { peerNode } from '../peers/peers.ts'
import type { SurvivalJob } from './survival-worker.ts'
import { PEER_FLAGS } from './system-process.ts'

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
    const [said]: unknown[] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (said !== 'ready') throw new Error(`The worker ended before it was ready (${String(said)}).`)
    return new SurvivalProcess(child)
  }

  /** Resolves when they are added. */
  async add(jobs: readonly SurvivalJob[]): Promise<void> {
    const added = once(this.#child, 'message')
    this.#child.send(jobs)
    await added
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
