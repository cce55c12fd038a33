import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { deferred } from '../support/wait.ts'

const PROGRAM = 'worker-process.ts'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface WorkerOptions {
  readonly connectionString: string
  readonly leaseDuration: number
  readonly concurrency: number
  readonly handleSignals?: boolean
  readonly gracePeriod?: number
}

export interface WorkerReport {
  /** `started`, `aborted`, `lost`, `stopped`, or what a job was settled to. */
  readonly what: string
  readonly id?: string
  readonly reason?: string
}

/** A worker in a process of its own, which ends with the test at the latest. */
export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #reports: WorkerReport[] = []
  #wake = deferred()
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>

  /** `program`: another file beside this one, which speaks as worker-process.ts does. */
  constructor(options: WorkerOptions, program = PROGRAM) {
    const file = fileURLToPath(new URL(program, import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', file, JSON.stringify(options)], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    const complaint = text(child.stderr)
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal ?? '')))
    void this.ended.then(async (how) => {
      this.#report({ what: 'ended', reason: `${how} ${await complaint}` })
    })
    createInterface(child.stdout).on('line', (line) => this.#report(JSON.parse(line)))
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await this.ended
    })
  }

  /** The first `count` reports of that kind, once there are as many; fails when the process ends before. */
  async reports(what: string, count = 1): Promise<readonly WorkerReport[]> {
    for (;;) {
      const found = this.#reports.filter((report) => report.what === what)
      if (found.length >= count) return found
      const end = this.#reports.find((report) => report.what === 'ended')
      if (end !== undefined) throw new Error(`the worker ended: ${end.reason}`)
      await this.#wake.promise
    }
  }

  get seen(): readonly WorkerReport[] {
    return this.#reports
  }

  /** Lets all its handlers return. */
  finish(): void {
    this.#child.stdin?.write('finish\n')
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  #report(report: WorkerReport): void {
    this.#reports.push(report)
    this.#wake.resolve()
    this.#wake = deferred()
  }
}
