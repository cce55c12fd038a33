// What an application says of its schedules when it starts: read, checked, and told the database, which decides whether
// this or a newer process's word holds (sql/migrations/0020_schedules.sql declare_schedules, docs/decisions/010).
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { tickAfter } from '../calendar/schedule-ticks.ts'
import { newJobMaker, type NewJobRules } from '../client/new-job.ts'
import { resealSchedules } from '../client/resealed-schedules.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import type { Events } from '../core/events.ts'
import { KongTaskError } from '../core/errors.ts'
import type { PayloadCipher } from '../core/payload-cipher.ts'
import type { ScheduleSpec } from '../core/schedule.ts'
import { jsonText } from '../core/json-text.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { Service } from '../runtime/service.ts'
import type { DeclaredSchedule } from '../store/schedules.ts'
import type { Store } from '../store/store.ts'

/** What a program declares. */
export interface Declaration {
  readonly application: string
  /** Equal for all processes that declare the same. */
  readonly generation: string
  readonly schedules: readonly Omit<DeclaredSchedule, 'nextTick'>[]
  /** Has sealed their payloads. */
  readonly cipher: PayloadCipher | undefined
}

/** @throws KT_SCHEDULE_DUPLICATE, and whatever makes a job invalid */
export async function readDeclaration(
  application: string,
  specs: readonly ScheduleSpec[],
  rules: NewJobRules,
): Promise<Declaration> {
  const makeNewJob = newJobMaker(rules)
  const names = new Set<string>()
  const schedules: Omit<DeclaredSchedule, 'nextTick'>[] = []
  for (const spec of specs) {
    if (names.has(spec.name)) throw duplicate(spec.name)
    names.add(spec.name)
    const job = await made(spec, makeNewJob)
    const { name, source, expression, tz, catchUp, within } = spec
    const declared = fingerprint(
      [source, expression, tz, catchUp, within, job.task, job.options, job.contract, plainPayload(spec)],
      rules.cipher,
    )
    schedules.push({ name, source, expression, tz, catchUp, within, job, declared })
  }
  const { cipher } = rules
  // Which key seals is no part of what code says of a schedule, but of what the latest deploy says: of two keys its one holds.
  const all = [...schedules.map(({ name, declared }) => [name, declared]), cipher?.current]
  return { application, generation: fingerprint(all, undefined), schedules, cipher }
}

async function made(
  { name, task, payload, job }: ScheduleSpec,
  makeNewJob: ReturnType<typeof newJobMaker>,
): Promise<DeclaredSchedule['job']> {
  try {
    return await makeNewJob(task, payload, job)
  } catch (error) {
    if (!(error instanceof KongTaskError)) throw error
    throw new KongTaskError(error.code, `The schedule "${name}": ${error.message}`, { cause: error })
  }
}

/** Before it is sealed, which is another text each time. */
function plainPayload({ payload = {} }: ScheduleSpec): string {
  return jsonText(payload, ({ why }) => new TypeError(`The payload ${why}`))
}

/** Where payloads are secret, what they are must not be found out by trying. */
function fingerprint(parts: readonly unknown[], cipher: PayloadCipher | undefined): string {
  const text = canonicalJson(JSON.parse(JSON.stringify(parts)))
  return cipher === undefined
    ? createHash('sha256').update(text).digest('hex').slice(0, 32)
    : cipher.digest('schedule', text)
}

function duplicate(name: string): KongTaskError {
  return new KongTaskError(
    'KT_SCHEDULE_DUPLICATE',
    `Two schedules have the name "${name}". Give one of them a \`name\` of its own (in a crontab: ?id=).`,
  )
}

type DeclarerStore = Pick<Store, 'declareSchedules' | 'readClock' | 'readSchedules' | 'resealSchedule'>

/** Says it once the process is registered, so that others see who is there, and again when nobody newer is left. */
export class Declarer implements Service {
  readonly #store: DeclarerStore
  readonly #declaration: Declaration
  readonly #events: Emitter<Events>

  constructor(store: DeclarerStore, declaration: Declaration, events: Emitter<Events>) {
    this.#store = store
    this.#declaration = declaration
    this.#events = events
  }

  async start(): Promise<void> {
    const isSuperseded = await this.#declare()
    if (isSuperseded) this.#events.emit('schedule.superseded', { application: this.#declaration.application })
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Where one of these is ours, it should have other schedules than it has: perhaps these. */
  async declareIfOf(applications: readonly string[]): Promise<void> {
    if (applications.includes(this.#declaration.application)) await this.#declare()
  }

  /** True: newer code is there. */
  async #declare(): Promise<boolean> {
    const { application, generation, schedules, cipher } = this.#declaration
    const { at } = await this.#store.readClock()
    const withTicks = schedules.map((each) => ({ ...each, nextTick: tickAfter(each, at) }))
    const by = `${application} (${hostname()}, pid ${process.pid})`
    const declared = await this.#store.declareSchedules(application, generation, withTicks, by)
    for (const { name, done } of declared) {
      if (name !== undefined && done !== 'superseded')
        this.#events.emit('schedule.declared', { schedule: name, done })
    }
    const isSuperseded = declared.some(({ done }) => done === 'superseded')
    if (cipher !== undefined && !isSuperseded) {
      await resealSchedules(this.#store, cipher, (info) => info.application === application)
    }
    return isSuperseded
  }
}
