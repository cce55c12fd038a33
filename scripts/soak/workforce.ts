import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { VICTIMS } from './plan.ts'
import { isSaid, type Vitals } from './vitals.ts'

const PROGRAM = fileURLToPath(new URL('worker.ts', import.meta.url))
/** Milliseconds. */
const LONGEST_ANSWER = 10_000
const LONGEST_STOP = 20_000

/** One worker that lives through it all, and some that are killed in turn, each time with another one in its place. */
export class Workforce {
  readonly #connectionString: string
  #survivor: ChildProcess | undefined
  #victims: readonly ChildProcess[] = []
  #isOver = false
  kills = 0
  /** Processes that ended by themselves. */
  readonly deaths: string[] = []

  constructor(connectionString: string) {
    this.#connectionString = connectionString
  }

  async start(): Promise<void> {
    const [survivor, ...victims] = await Promise.all(Array.from({ length: 1 + VICTIMS }, () => this.#hire()))
    this.#survivor = survivor
    this.#victims = victims
  }

  /** The one that has been there for longest. */
  async killOne(): Promise<void> {
    const [victim, ...others] = this.#victims
    if (victim === undefined) return
    this.#victims = others
    this.kills += 1
    victim.removeAllListeners('exit')
    victim.kill('SIGKILL')
    const next = await this.#hire()
    this.#victims = [...this.#victims, next]
  }

  /** Of the one that lives through it all; undefined where it does not answer. */
  async vitals(): Promise<Vitals | undefined> {
    const survivor = this.#survivor
    if (survivor?.connected !== true) return undefined
    survivor.send('vitals')
    const signal = AbortSignal.timeout(LONGEST_ANSWER)
    const [said]: unknown[] = await once(survivor, 'message', { signal }).catch(() => [])
    return isSaid(said) && said.what === 'vitals' ? said.vitals : undefined
  }

  /** Answers whether the survivor stopped, and its process ended by itself, in good time. */
  async stop(): Promise<boolean> {
    this.#isOver = true
    const all = [this.#survivor, ...this.#victims].filter((child) => child !== undefined)
    const ended = all.map(async (child) => {
      const exit = once(child, 'exit')
      child.send('stop')
      const inTime = await Promise.race([exit.then(() => true), delay(LONGEST_STOP, false, { ref: false })])
      child.kill('SIGKILL')
      return inTime
    })
    return (await Promise.all(ended)).every(Boolean)
  }

  kill(): void {
    this.#isOver = true
    for (const child of [this.#survivor, ...this.#victims]) child?.kill('SIGKILL')
  }

  async #hire(): Promise<ChildProcess> {
    const child = fork(PROGRAM, {
      execArgv: ['--expose-gc', '--import', 'tsx'],
      env: { ...process.env, SOAK_DATABASE_URL: this.#connectionString },
    })
    child.once('exit', (code, signal) => {
      if (!this.#isOver) this.deaths.push(`A worker process ended by itself, with ${signal ?? code}.`)
    })
    await Promise.race([once(child, 'message'), once(child, 'exit')])
    return child
  }
}
