import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isFleetMessage, type FleetMessage, type FleetReport } from './fleet-member.ts'

/** More would measure how Node starts and what memory there is: it is the database that has to do with many workers. */
const MOST_PROCESSES = 4

/** Many workers in a few processes. */
export class Fleet implements AsyncDisposable {
  readonly #members: readonly Member[]

  private constructor(members: readonly Member[]) {
    this.#members = members
  }

  /** @param program its file name in bench/systems/ */
  static async start(program: string, connectionString: string, workers: number): Promise<Fleet> {
    const path = fileURLToPath(new URL(`../systems/${program}`, import.meta.url))
    const processes = Math.min(MOST_PROCESSES, workers)
    const each = workers / processes
    const fleet = new Fleet(
      Array.from(
        { length: processes },
        (_, index) => new Member(path, [connectionString, `${each}`, `${index * each + 1}`]),
      ),
    )
    try {
      await Promise.all(fleet.#members.map((member) => member.hear('ready')))
      return fleet
    } catch (error) {
      await fleet[Symbol.asyncDispose]()
      throw error
    }
  }

  go(): void {
    for (const member of this.#members) member.tell('go')
  }

  /** Jobs that have run, as far as the processes have said. @throws when one has died */
  get ran(): number {
    return this.#members.reduce((sum, member) => sum + member.ran, 0)
  }

  async stop(): Promise<FleetReport[]> {
    const reports = this.#members.map(async (member) => {
      const report = member.hear('report')
      member.tell('stop')
      return (await report).report
    })
    return Promise.all(reports)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill()))
  }
}

class Member {
  readonly #process: ChildProcess
  readonly #death: Promise<Error>
  #died: Error | undefined
  #ran = 0
  /** What it says besides. */
  readonly #said = new EventEmitter()

  constructor(path: string, args: readonly string[]) {
    this.#process = fork(path, args)
    this.#death = this.#awaitDeath()
    this.#process.on('message', (message) => {
      if (isFleetMessage(message) && isOf(message, 'ran')) this.#ran = message.count
      else this.#said.emit('message', message)
    })
  }

  /** @throws when it has died */
  get ran(): number {
    if (this.#died !== undefined) throw this.#died
    return this.#ran
  }

  tell(message: 'go' | 'stop'): void {
    this.#process.send(message)
  }

  /** @throws where it says something else, or nothing any more */
  async hear<K extends FleetMessage['kind']>(kind: K): Promise<Extract<FleetMessage, { kind: K }>> {
    const heard = await Promise.race([once(this.#said, 'message'), this.#death])
    if (heard instanceof Error) throw heard
    const [message]: unknown[] = heard
    if (isFleetMessage(message) && isOf(message, kind)) return message
    throw new TypeError(`A worker process said something else than ${kind}.`)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#death
  }

  async #awaitDeath(): Promise<Error> {
    const [code, signal]: unknown[] = await once(this.#process, 'exit')
    this.#died = new Error(`A worker process ended with ${String(signal ?? code)}: the measurement is void.`)
    return this.#died
  }
}

function isOf<K extends FleetMessage['kind']>(
  message: FleetMessage,
  kind: K,
): message is Extract<FleetMessage, { kind: K }> {
  return message.kind === kind
}
