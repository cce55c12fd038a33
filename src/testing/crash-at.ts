// Whether a handler may be run again from wherever its process died. It is run once without a crash, to learn its moments:
// before and behind each call that it awaits. Then, for each moment, a process dies there, another one takes the job up.
import { AsyncLocalStorage } from 'node:async_hooks'
import { KongTaskError } from '../core/errors.ts'
import { checkInteger } from '../core/option-values.ts'
import type { PooledSqlClient, SqlPool } from '../core/sql-pool.ts'
import type { StoredStep } from '../store/steps.ts'
import { payloadText, perform, type Performed } from './perform-job.ts'
import { readPerformedTask, type PerformedTask } from './performed-task.ts'
import { recordingAdder, type RecordedJob } from './recording-adder.ts'
import { Recorder, type Adders, type Around, type RecorderOptions } from './recording-context.ts'
import { TestKongTask } from './test-kong-task.ts'

/** What a handler's dependencies are made of, in a process that may die. */
export interface CrashProbe {
  /** Says that something happened that nobody takes back: a mail was sent. */
  readonly effect: (name: string) => void
  /** A dependency: each call is a moment at which the process may die, and happens from when it is called. */
  readonly dependency: <Args extends readonly unknown[], Result>(
    name: string,
    work: (...args: Args) => Result | PromiseLike<Result>,
  ) => (...args: Args) => Promise<Result>
}

export interface CrashAtOptions {
  /** For the handler's own queries. A test kit is reset before each run. @default queries are refused with KT_TEST_POOL */
  readonly db?: SqlPool | TestKongTask | undefined
  /** Before each run: puts back what the handler changes in the database. */
  readonly before?: (() => unknown) | undefined
  /**
   * Whether processes die within steps, too: behind what a step did, before that was stored. What a step does then happens
   * again, unless it has a key by which it does not. @default false
   */
  readonly withinSteps?: boolean | undefined
  /** Moments at the most. @default 500 */
  readonly most?: number | undefined
}

/** An effect that came to happen a different number of times than without a crash. */
export interface CrashFinding {
  readonly effect: string
  /** Where the process died: `behind addJob receipt (4)`. */
  readonly moment: string
  readonly times: number
  /** How often it happens without a crash. */
  readonly expected: number
}

export interface CrashReport {
  /** Where processes died, in that order. */
  readonly moments: readonly string[]
  readonly doubled: readonly CrashFinding[]
  /** What happened less often: it was taken for done. */
  readonly lost: readonly CrashFinding[]
  /** The process that took the job up could not end it. */
  readonly failed: readonly { readonly moment: string; readonly error: unknown }[]
  /** @throws KT_TEST_CRASH where there is anything of that */
  expectSafe(): void
}

const MOST = 500
/** Executions of a job that sleeps. */
const MOST_SLEEPS = 100

/**
 * Lets the process of a handler die at each moment, and runs the job again from there: reports what happened twice. Counted
 * are `effect`, calls of a `dependency`, jobs that are added and rows that are inserted; within a transaction, once that is
 * committed. The job is run again as a rescue does it: with the same number of attempt.
 *
 * Jobs are not added for real. Between two calls that it knows nothing of (a bare `fetch`, a timer), no process dies.
 *
 * @param makeTask makes the task with its dependencies, once for each process
 * @throws KT_TEST_CRASH where the handler fails without a crash, or has more moments than `most`
 * @example
 * const report = await crashAt(({ dependency }) => handle(welcome, sendWith(dependency('mail', async () => {}))), payload)
 * report.expectSafe()
 */
export async function crashAt(
  makeTask: (probe: CrashProbe) => PerformedTask,
  payload: unknown = {},
  options: CrashAtOptions = {},
): Promise<CrashReport> {
  const most = checkInteger(options.most ?? MOST, 'most', 1, 100_000)
  const without = await runJob(makeTask, payload, options, undefined)
  if (without.error !== undefined) {
    throw new KongTaskError('KT_TEST_CRASH', 'crashAt: the handler fails without a crash; see the cause.', {
      cause: without.error,
    })
  }
  const { moments } = without
  if (moments.length > most) {
    throw new KongTaskError(
      'KT_TEST_CRASH',
      `crashAt: the handler has ${moments.length} moments, more than ${most}. Give it less to do, or raise \`most\`.`,
    )
  }
  const doubled: CrashFinding[] = []
  const lost: CrashFinding[] = []
  const failed: { readonly moment: string; readonly error: unknown }[] = []
  for (const [at, moment] of moments.entries()) {
    const { effects, error } = await runJob(makeTask, payload, options, at)
    if (error !== undefined) failed.push({ moment, error })
    for (const effect of new Set([...without.effects.keys(), ...effects.keys()])) {
      const finding = {
        effect,
        moment,
        times: effects.get(effect) ?? 0,
        expected: without.effects.get(effect) ?? 0,
      }
      if (finding.times > finding.expected) doubled.push(finding)
      // One that could not end has not come to it.
      if (finding.times < finding.expected && error === undefined) lost.push(finding)
    }
  }
  return { moments, doubled, lost, failed, expectSafe: () => expectSafe(doubled, lost, failed) }
}

function expectSafe(
  doubled: CrashReport['doubled'],
  lost: CrashReport['lost'],
  failed: CrashReport['failed'],
): void {
  const line = ({ effect, moment, times, expected }: CrashFinding): string =>
    `  ${effect}: ${times} times instead of ${expected}, after a crash ${moment}`
  const lines = [
    ...[...doubled, ...lost].map(line),
    ...failed.map(({ moment, error }) => `  after a crash ${moment} the job failed: ${String(error)}`),
  ]
  if (lines.length === 0) return
  throw new KongTaskError('KT_TEST_CRASH', ['Not every crash is harmless:', ...lines].join('\n'))
}

interface Ran {
  readonly moments: readonly string[]
  readonly effects: ReadonlyMap<string, number>
  readonly error: unknown
}

type MakeTask = (probe: CrashProbe) => PerformedTask

/** A job from its first process to its end. @param dieAt the moment at which the first process dies; undefined: it does not */
async function runJob(
  makeTask: MakeTask,
  payload: unknown,
  options: CrashAtOptions,
  dieAt: number | undefined,
): Promise<Ran> {
  const { db } = options
  if (db instanceof TestKongTask) await db.reset()
  await options.before?.()
  const world = new World()
  const first = new MortalProcess(world, options, dieAt)
  const ended = await first.perform(makeTask, payload)
  if (ended === undefined && !world.isCompleted) {
    const second = new MortalProcess(world, options, undefined)
    const again = await second.perform(makeTask, payload)
    return { moments: first.moments, effects: world.effects, error: errorOf(again) }
  }
  return { moments: first.moments, effects: world.effects, error: errorOf(ended) }
}

function errorOf(performed: Performed | undefined): unknown {
  if (performed?.outcome.kind !== 'failed') return undefined
  return performed.error ?? new Error(performed.outcome.error.message)
}

/** What outlives a process. */
class World {
  readonly effects = new Map<string, number>()
  steps: ReadonlyMap<string, StoredStep> = new Map()
  /** In a transaction of its handler's, which has committed. */
  isCompleted = false
  readonly #keys = new Set<string>()

  count(effect: string): void {
    this.effects.set(effect, (this.effects.get(effect) ?? 0) + 1)
  }

  added({ task, payload, options: { uniqueKey, uniqueFor } }: RecordedJob): void {
    const key = uniqueKey ?? (uniqueFor === undefined ? undefined : JSON.stringify(payload))
    if (key !== undefined) {
      const held = JSON.stringify([task, key])
      if (this.#keys.has(held)) return
      this.#keys.add(held)
    }
    this.count(`job ${task}`)
  }
}

/** Whether code runs within a step, which happens as a whole. */
const withinStep = new AsyncLocalStorage<true>()

/** What a transaction will have done once it commits. */
interface Pending {
  readonly effects: (() => void)[]
  isOpen: boolean
}

class MortalProcess {
  readonly moments: string[] = []
  readonly #world: World
  readonly #options: CrashAtOptions
  readonly #dieAt: number | undefined
  readonly #died: Promise<undefined>
  readonly #clients = new Map<object, Pending & { readonly client: PooledSqlClient }>()
  #die: (value: undefined) => void = () => undefined
  #isDead = false

  constructor(world: World, options: CrashAtOptions, dieAt: number | undefined) {
    this.#world = world
    this.#options = options
    this.#dieAt = dieAt
    this.#died = new Promise((resolve) => {
      this.#die = resolve
    })
  }

  /** Undefined where it died. */
  async perform(makeTask: MakeTask, payload: unknown): Promise<Performed | undefined> {
    const entry = readPerformedTask(makeTask(this.#probe()), 'crashAt')
    const text = payloadText(entry, payload, {})
    for (let sleeps = 0; ; sleeps++) {
      const recorder = this.#recorder()
      const performed = await Promise.race([perform(entry, text, recorder, {}, this.#died), this.#died])
      this.#world.steps = recorder.stored
      this.#world.isCompleted ||= recorder.completed !== undefined
      if (performed === undefined) await this.#collapse()
      // A job that sleeps runs on in another execution.
      if (performed?.outcome.kind !== 'snoozed' || sleeps === MOST_SLEEPS) return performed
    }
  }

  #probe(): CrashProbe {
    return {
      effect: (name) => this.#effect(() => this.#world.count(name)),
      dependency:
        (name, work) =>
        (...args) =>
          this.#around(name, async () => {
            this.#effect(() => this.#world.count(name))
            return work(...args)
          }),
    }
  }

  #recorder(): Recorder {
    const { db } = this.#options
    const pool = db instanceof TestKongTask ? db.pool : db
    const options: RecorderOptions = {
      adders: this.#adders(),
      steps: this.#world.steps,
      around: (call, work) => this.#around(call, work),
      onCommit: (tx, happen) => this.#onCommit(tx, happen),
      aroundStep: (_call, work) => (this.#options.withinSteps === true ? work() : withinStep.run(true, work)),
    }
    return new Recorder(pool === undefined ? options : { ...options, pool: this.#mortalPool(pool) })
  }

  /** A call, with the moments before and behind it. */
  readonly #around: Around = async (call, work) => {
    await this.#moment(`before ${call}`)
    const result = await work()
    await this.#moment(`behind ${call}`)
    return result
  }

  /** Never comes back where the process dies, or is dead. */
  async #moment(what: string): Promise<void> {
    if (this.#isDead) return never()
    if (withinStep.getStore() === true) return
    this.moments.push(`${what} (${this.moments.length + 1})`)
    if (this.moments.length - 1 !== this.#dieAt) return
    this.#isDead = true
    this.#die(undefined)
    return never()
  }

  #effect(happen: () => void): void {
    if (!this.#isDead) happen()
  }

  /** The server ends what a process had begun. */
  async #collapse(): Promise<void> {
    for (const { client } of this.#clients.values()) client.release(true)
    this.#clients.clear()
    await Promise.resolve()
  }

  #adders(): Adders {
    const happened = (jobs: readonly RecordedJob[]): void => {
      for (const job of jobs) this.#effect(() => this.#world.added(job))
    }
    const named = (jobs: readonly RecordedJob[]): string =>
      `addJob ${jobs.map(({ task }) => task).join(', ')}`
    return {
      own: recordingAdder({
        added: [],
        around: (jobs, write) =>
          this.#around(named(jobs), async () => {
            happened(jobs)
            await write()
          }),
      }),
      with: (tx) =>
        recordingAdder({
          added: [],
          inTransaction: true,
          around: (jobs, write) =>
            this.#around(named(jobs), async () => {
              this.#onCommit(tx, () => happened(jobs))
              await write()
            }),
        }),
    }
  }

  #onCommit(tx: object, happen: () => void): void {
    const pending = this.#clients.get(tx)
    if (pending?.isOpen === true) pending.effects.push(happen)
    else happen()
  }

  #mortalPool(pool: SqlPool): SqlPool {
    return {
      query: (text, values) =>
        this.#around(said(text), async () => {
          const answer = await pool.query<never>(text, values)
          this.#inserted(text, answer.rowCount)
          return answer
        }),
      connect: async () => {
        await this.#moment('before connect')
        const client = await pool.connect()
        // It died meanwhile, of something else that it was doing.
        if (this.#isDead) {
          client.release(true)
          return never()
        }
        return this.#mortalClient(client)
      },
    }
  }

  #mortalClient(client: PooledSqlClient): PooledSqlClient {
    const query = client.query.bind(client)
    const pending = { client, effects: [], isOpen: false }
    // In place: drivers know a client by its methods, and `with(tx)` knows this one.
    const mortal = Object.assign(Object.create(client), {
      query: (text: string, values?: unknown[]) =>
        this.#around(said(text), async () => {
          const answer = await query<never>(text, values)
          this.#said(text, pending, answer)
          return answer
        }),
      release: (destroy?: boolean | Error) => {
        this.#clients.delete(mortal)
        client.release(destroy)
      },
    })
    this.#clients.set(mortal, pending)
    return mortal
  }

  #said(text: string, pending: Pending, answer: { readonly rowCount: number | null }): void {
    const { rowCount } = answer
    if (BACK_TO_SAVEPOINT.test(text)) return
    if (/^\s*(?:begin|start\s+transaction)\b/i.test(text)) pending.isOpen = true
    else if (/^\s*(?:commit|end|rollback|abort)\b/i.test(text)) {
      const effects = pending.effects.splice(0)
      pending.isOpen = false
      if (hasCommitted(text, answer)) for (const effect of effects) effect()
    } else if (pending.isOpen) pending.effects.push(() => this.#inserted(text, rowCount))
    else this.#inserted(text, rowCount)
  }

  #inserted(text: string, rows: number | null): void {
    const [, table] = /^\s*insert\s+into\s+([\w."]+)/i.exec(text) ?? []
    if (table === undefined || rows === null) return
    for (let row = 0; row < rows; row++) this.#effect(() => this.#world.count(`row of ${table}`))
  }
}

/** The transaction goes on, and what came before the savepoint stands. */
const BACK_TO_SAVEPOINT = /^\s*rollback(?:\s+(?:work|transaction))?\s+to\b/i

/** A transaction in which something failed answers a commit with ROLLBACK. */
function hasCommitted(text: string, answer: object): boolean {
  const tag: unknown = 'command' in answer ? answer.command : undefined
  return tag === undefined ? /^\s*(?:commit|end)\b/i.test(text) : tag === 'COMMIT'
}

function said(text: string): string {
  const short = text.trim().replaceAll(/\s+/g, ' ')
  return short.length > 60 ? `${short.slice(0, 60)}…` : short
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}
