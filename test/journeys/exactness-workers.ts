import { spawn, type ChildProcess } from 'node:child_process'
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LEASE, type Dice } from './exactness-plan.ts'

export type ProcessReport =
  { readonly what: 'working' } | { readonly what: 'weather'; readonly doing: string; readonly error: string }

const PROGRAM = fileURLToPath(new URL('exactness-process.ts', import.meta.url))
/** Loaded, so that who dies is replaced at once. */
const SPARES = 2
/** From here on something is wrong that another process would not mend. */
const MOST_DEATHS = 10
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

class Member {
  readonly ended: Promise<void>
  isWorking = false
  isStopped = false
  readonly #child: ChildProcess
  #mustEnd = false

  constructor(
    connectionString: string,
    onReport: (report: ProcessReport) => void,
    onDeath: (why: string) => void,
  ) {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, connectionString], {
      cwd: ROOT,
      // It ends when this pipe does, so that none outlives us.
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    const complaint = text(child.stderr)
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()))
    void this.ended.then(async () => {
      if (!this.#mustEnd) onDeath(await complaint)
    })
    createInterface(child.stdout).on('line', (line) => {
      const report: ProcessReport = JSON.parse(line)
      if (report.what === 'working') this.isWorking = true
      onReport(report)
    })
  }

  /** Until then it has loaded its code at the most. */
  begin(): void {
    this.#setPriority(0)
    this.#child.stdin?.write('begin\n')
  }

  /** Starting takes a second of the processor's time, which those that work have more need of. */
  loadQuietly(): this {
    this.#setPriority(10)
    return this
  }

  #setPriority(priority: number): void {
    try {
      if (this.#child.pid !== undefined) setPriority(this.#child.pid, priority)
    } catch {
      // Without the right to, it goes on as it is.
    }
  }

  async kill(): Promise<void> {
    this.#mustEnd = true
    this.#child.kill('SIGKILL')
    await this.ended
  }

  stop(): void {
    this.isStopped = true
    this.#child.kill('SIGSTOP')
  }

  goOn(): void {
    this.isStopped = false
    this.#child.kill('SIGCONT')
  }
}

/** So many processes that work, whatever befalls them. */
export class Crew {
  readonly #connectionString: string
  #members: readonly Member[] = []
  #spares: readonly Member[] = []
  readonly #resumptions = new Set<Promise<void>>()
  /** What processes complained of, and how often. */
  readonly weather = new Map<string, number>()
  /** Processes that ended although nobody had killed them, with what they said. */
  readonly deaths: string[] = []
  kills = 0
  stops = 0

  constructor(connectionString: string, size: number) {
    this.#connectionString = connectionString
    for (let n = 0; n < size; n++) this.#hire()
    for (let n = 0; n < SPARES; n++) this.#spares = [...this.#spares, this.#load().loadQuietly()]
  }

  get working(): number {
    return this.#members.filter(({ isWorking, isStopped }) => isWorking && !isStopped).length
  }

  /** Kills one that works, or stops it for longer than its lease. */
  async strike(dice: Dice): Promise<void> {
    const victims = this.#members.filter(({ isWorking, isStopped }) => isWorking && !isStopped)
    const mustStop = dice.chance(0.25)
    const choice = dice.next()
    const victim = victims[Math.floor(choice * victims.length)]
    // Where most are busy with starting, another death would only mean that nothing gets done.
    if (victim === undefined || victims.length * 2 < this.#members.length) return
    if (mustStop) {
      this.stops += 1
      victim.stop()
      const resumption = delay(LEASE + 1_000).then(() => victim.goOn())
      this.#resumptions.add(resumption)
      void resumption.then(() => this.#resumptions.delete(resumption))
      return
    }
    this.kills += 1
    this.#members = this.#members.filter((member) => member !== victim)
    this.#hire()
    await victim.kill()
  }

  async allGoOn(): Promise<void> {
    await Promise.all(this.#resumptions)
  }

  async dismiss(): Promise<void> {
    await this.allGoOn()
    await Promise.all([...this.#members, ...this.#spares].map((member) => member.kill()))
  }

  #hire(): void {
    const [spare, ...spares] = this.#spares
    if (spare !== undefined) this.#spares = [...spares, this.#load().loadQuietly()]
    const member = spare ?? this.#load()
    member.begin()
    this.#members = [...this.#members, member]
  }

  #load(): Member {
    const member: Member = new Member(
      this.#connectionString,
      (report) => {
        if (report.what !== 'weather') return
        const complaint = `${report.doing}: ${report.error}`
        this.weather.set(complaint, (this.weather.get(complaint) ?? 0) + 1)
      },
      (why) => {
        this.deaths.push(why)
        this.#members = this.#members.filter((other) => other !== member)
        this.#spares = this.#spares.filter((other) => other !== member)
        if (this.deaths.length < MOST_DEATHS) this.#hire()
      },
    )
    return member
  }
}
