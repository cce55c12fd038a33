// Random commands, against the database and against the model of unique-model.ts: after each, both say the same.
// KONGTASK_UNIQUE_SEED=… runs others, KONGTASK_UNIQUE_RUNS=… more of them; KONGTASK_SHRINK=1 looks for a shorter list.
/* oxlint-disable vitest/no-standalone-expect, vitest/expect-expect -- every command of the one test expects */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { NewJobOptions, OnConflict } from '../../src/core/new-job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import type { UniqueKey } from '../../src/store/unique-keys.ts'
import { newJob, useStore, type FixtureWorker, type Session } from './fixture.ts'
import {
  cancelled,
  completed,
  dead,
  drop,
  error,
  forgetJobs,
  redrive,
  seedOf,
  setClock,
  settle,
  stopClock,
} from './keyed.ts'
import { isLive, UniqueModel, type Answer, type Entry, type Holder, type ModelJob } from './unique-model.ts'

const db = useStore()

const SEED = seedOf('KONGTASK_UNIQUE_SEED')
const RUNS = Number(process.env['KONGTASK_UNIQUE_RUNS'] ?? 60)
/** Half of it on average. */
const LONGEST = 200
const START = Date.parse('2030-01-01T00:00:00Z')
const QUEUES = ['default', 'other']

/** Each group is one value in several spellings: they make one key. */
const PAYLOADS = [
  ['{"a":1,"b":[2,{}]}', '{ "b" : [2.0, {}], "a": 1.00 }'],
  ['{"a":1.50}', '{"a":15e-1}'],
] as const

interface EntryCommand {
  readonly task: string
  readonly payload: string
  readonly group: number
  readonly options: NewJobOptions
}

type Command =
  | { readonly do: 'add'; readonly entries: readonly EntryCommand[]; readonly sql: boolean }
  | { readonly do: 'claim'; readonly worker: number; readonly queue: string; readonly limit: number }
  | { readonly do: 'settle'; readonly which: number; readonly how: How; readonly delay: number }
  | { readonly do: 'rescue'; readonly worker: number }
  | { readonly do: 'redrive'; readonly which: readonly number[] }
  | { readonly do: 'drop'; readonly which: number; readonly how: 'cancel' | 'delete' }
  | { readonly do: 'prune' }
  | { readonly do: 'advance'; readonly by: number }

type How = Settlement['kind']

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

const entries: fc.Arbitrary<EntryCommand> = fc
  .record({
    task: some('mail', 'mail', 'work'),
    group: some(0, 1),
    spelling: some(0, 1),
    unique: some('none', 'a', 'a', 'a', 'b', 'derived', 'derived'),
    uniqueFor: some(undefined, undefined, 10_000, 600_000),
    onConflict: some<OnConflict | undefined>(
      undefined,
      'skip',
      'replace',
      'replace',
      'replace',
      'keep_schedule',
    ),
    scheduledIn: some(undefined, undefined, undefined, 0, 20_000, 700_000),
    queue: some(undefined, undefined, undefined, ...QUEUES),
    priority: maybe(some(0, 5)),
    maxAttempts: maybe(some(1, 7)),
    timeout: maybe(some(1_000)),
  })
  .map(({ task, group, spelling, unique, uniqueFor, onConflict, ...plain }) => ({
    task,
    group,
    payload: PAYLOADS[group === 0 ? 0 : 1][spelling === 0 ? 0 : 1],
    options: given({
      ...plain,
      ...(unique === 'none'
        ? {}
        : {
            onConflict,
            uniqueFor: unique === 'derived' ? (uniqueFor ?? 5_000) : uniqueFor,
            uniqueKey: unique === 'derived' ? undefined : unique,
          }),
    }),
  }))

const workers = some(0, 1)
const which = fc.nat({ max: 1_000 })
const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      entries: fc.oneof(
        { weight: 3, arbitrary: fc.array(entries, { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.array(entries, { minLength: 2, maxLength: 5 }) },
      ),
      sql: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      worker: workers,
      queue: some('default', 'default', 'other'),
      limit: some(1, 2, 5),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which,
      how: some<How>(
        'completed',
        'completed',
        'retry',
        'retry',
        'snoozed',
        'deferred',
        'released',
        'dead',
        'dead',
        'cancelled',
      ),
      delay: some(0, 30_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rescue' as const), worker: workers }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('redrive' as const),
      which: fc.array(which, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      which,
      how: some<'cancel' | 'delete'>('cancel', 'delete'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('prune' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), by: some(1, 10_000, 30_000, 800_000) }),
  },
)

/** The database and the model, side by side. */
class Pair {
  readonly model = new UniqueModel(START)
  readonly #workers: FixtureWorker[] = []
  readonly #claimed = new Map<string, ClaimedJob>()
  readonly #derived: string[] = []
  #queues: ReadonlyMap<string, number> = new Map()
  #tasks: number[] = []
  #claims = 0
  #tags = 0
  #latestId = 0

  readonly #looking: Session

  constructor(looking: Session) {
    this.#looking = looking
  }

  async begin(): Promise<void> {
    await forgetJobs(db)
    await setClock(db, START)
    this.#workers.push(await db.worker(), await db.worker())
    for (const [spelling] of PAYLOADS) {
      this.#derived.push(String(await db.value('select kongtask.derived_key($1)', [spelling])))
    }
    // Names get their numbers when something is first added.
    await db.query(`select kongtask.intern('{mail,work}', '{default,other}')`)
    this.#queues = await db.queues()
    this.#tasks = await db.tasks()
  }

  async run(command: Command): Promise<void> {
    switch (command.do) {
      case 'add':
        return this.#add(command.entries, command.sql)
      case 'claim':
        return this.#claim(command.worker, command.queue, command.limit)
      case 'settle':
        return this.#settle(command.which, command.how, command.delay)
      case 'rescue':
        return this.#rescue(command.worker)
      case 'redrive':
        return this.#redrive(command.which)
      case 'drop':
        return this.#drop(command.which, command.how)
      case 'prune':
        return this.#prune()
      case 'advance':
        this.model.now += command.by
        return setClock(db, this.model.now)
      default:
        return command satisfies never
    }
  }

  async #add(list: readonly EntryCommand[], sql: boolean): Promise<void> {
    const tagged = list.map((entry) => ({
      ...entry,
      options: { ...entry.options, tags: [`entry ${(this.#tags += 1)}`] },
    }))
    const answers = sql
      ? await addFromSql(tagged)
      : await db.store.insertJobs(
          tagged.map(({ task, payload, options }) => newJob({ task, payload, ...options })),
        )
    const expected = tagged.map((entry, index): Answer & { readonly id: string } => {
      const id = answers[index]?.id ?? ''
      const answer = this.model.add(this.#entryOf(entry), id)
      if (answer.status !== 'added') return answer
      // A new id, higher than all before.
      expect(Number(id)).toBeGreaterThan(this.#latestId)
      this.#latestId = Number(id)
      return { ...answer, id }
    })
    expect(answers).toEqual(expected)
  }

  #entryOf({ task, payload, group, options }: EntryCommand): Entry {
    const { uniqueKey, uniqueFor, tags = [] } = options
    return {
      task,
      queue: options.queue ?? 'default',
      payload: JSON.parse(payload),
      tag: tags[0] ?? '',
      priority: options.priority ?? 1,
      maxAttempts: options.maxAttempts ?? 25,
      timeout: options.timeout,
      delay: options.scheduledIn ?? 0,
      key: uniqueKey ?? (uniqueFor === undefined ? undefined : this.#derived[group]),
      uniqueFor,
      onConflict: options.onConflict ?? 'skip',
    }
  }

  async #claim(index: number, queue: string, limit: number): Promise<void> {
    const worker = this.#workers[index]
    if (worker === undefined) throw new Error('there is no such worker')
    this.#claims += 1
    const { jobs } = await db.store.claimJobs({
      ...worker.registration,
      claim: this.#claims,
      queues: new Map([[this.#queues.get(queue) ?? 0, limit]]),
      total: limit,
      tasks: this.#tasks,
    })
    const expected = this.model.claim(worker.number, queue, limit).map((job) => [job.id, this.#reasonOf(job)])
    expect(jobs.map(({ id, ended }) => [id, ended])).toEqual(expected)
    for (const job of jobs) {
      this.#claimed.set(job.id, job)
      // As a worker does it: without running it.
      if (job.ended !== null) {
        await settle(db.store, [job], { kind: 'cancelled', reason: job.ended })
        this.model.finish(this.#jobOf(job.id), 'cancelled', job.ended)
      }
    }
  }

  #reasonOf(job: ModelJob): string | null {
    const successor = this.model.successorOf(job)
    return successor === undefined ? null : `superseded by ${successor}`
  }

  #jobOf(id: string): ModelJob {
    const job = this.model.jobs.get(id)
    if (job === undefined) throw new Error(`the model has no job ${id}`)
    return job
  }

  async #settle(index: number, how: How, delay: number): Promise<void> {
    const job = pick(this.model.running(), index)
    const claimed = job && this.#claimed.get(job.id)
    if (job === undefined || claimed === undefined) return
    const ended = await settle(db.store, [claimed], settlementOf(how, delay))
    switch (how) {
      case 'retry':
      case 'snoozed':
      case 'deferred':
      case 'released': {
        const reason = this.model.comeBack(job, how, delay)
        expect([...ended]).toEqual(reason === undefined ? [] : [[job.id, reason]])
        return
      }
      case 'completed':
      case 'dead':
        return this.model.finish(job, how)
      case 'cancelled':
        return this.model.finish(job, how, 'not needed')
      default:
        return how satisfies never
    }
  }

  async #rescue(index: number): Promise<void> {
    const worker = this.#workers[index]
    if (worker === undefined) throw new Error('there is no such worker')
    const lost = this.model.running(worker.number).length
    await db.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [worker.number])
    expect(await db.store.rescueWorkers()).toEqual({ workers: 1, jobs: lost })
    this.model.rescue(worker.number)
    this.#workers[index] = await db.worker()
  }

  async #redrive(indexes: readonly number[]): Promise<void> {
    // Now and then also live ones, of which there is nothing to redrive.
    const over = [...this.model.jobs.values()].filter((job) => !isLive(job))
    const jobs = indexes.map((index) => pick(index % 5 === 0 ? [...this.model.jobs.values()] : over, index))
    const ids = [...new Set(jobs.flatMap((job) => job?.id ?? []))].toSorted((a, b) => Number(a) - Number(b))
    const answers = await redrive(db.store, ids)
    const expected = ids.map((id) => ({ id, status: this.model.redrive(id) }))
    expect(answers.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual(expected)
  }

  async #drop(index: number, how: 'cancel' | 'delete'): Promise<void> {
    const waiting = [...this.model.jobs.values()].filter(({ state }) => state === 'waiting')
    const job = pick(waiting, index)
    if (job === undefined) return
    await drop(db.store, job.id, how)
    if (how === 'cancel') this.model.finish(job, 'cancelled', 'not needed')
    else this.model.jobs.delete(job.id)
  }

  async #prune(): Promise<void> {
    let after: UniqueKey | undefined
    do {
      ;({ next: after } = await db.store.pruneUniqueKeys(after))
    } while (after !== undefined)
    // What is left holds something, or tells a job that runs that it has a successor.
    const left = await db.query(
      'select k.job_id::text as id, t.name as task, k.key from kongtask.unique_keys k join kongtask.tasks t on t.id = k.task_id',
    )
    const holding = new Set(this.model.holders.map(({ id }) => id))
    for (const { id, task, key } of left) {
      if (typeof id === 'string' && holding.has(id)) continue
      const predecessors = [...this.model.jobs.values()].filter(
        (job) => isLive(job) && job.entry.task === task && job.entry.key === key,
      )
      expect(predecessors, `what is left of ${String(key)} of ${String(id)}`).not.toEqual([])
    }
  }

  async compare(): Promise<void> {
    const [found] = await this.#looking.query('execute snapshot')
    const { jobs, keys } = found ?? {}
    const lines = [...this.model.jobs.values()].map((job) => lineOf(job, this.model.now)).toSorted()
    // Text first: taking apart what is equal would be most of the time.
    if (jobs !== lines.join('\n')) expect(String(jobs).split('\n')).toEqual(lines)
    const held = (typeof keys === 'string' && keys !== '' ? keys.split('\n') : []).flatMap((line) => {
      const [task = '', key = '', id = '', until = ''] = line.split('|')
      return this.#held({ task, key, id, until: until === '' ? undefined : Number(until) })
    })
    const expected = this.model.holders.flatMap((holder) => this.#held(holder))
    if (held.toSorted().join() !== expected.toSorted().join())
      expect(held.toSorted()).toEqual(expected.toSorted())
  }

  /** A line for a holder that keeps others out; a window that has ended is none. */
  #held(holder: Holder): string[] {
    const { task, key, id, until = 0 } = holder
    return this.model.holds(holder) ? [`${task} ${key} ${id} ${until > this.model.now ? until : ''}`] : []
  }
}

/** Everything that there is, a line each. Prepared, since planning it takes longer than running it. */
const SNAPSHOT = `prepare snapshot as
  select coalesce((select string_agg(line, e'\\n' order by line collate "C") from (
           select concat_ws('|', j.id, t.name, q.name,
                    case when j.worker <> 0 then 'running' when j.run_at > kongtask.clock() then 'scheduled' else 'ready' end,
                    j.worker, j.lane & 15, j.attempt, j.max_attempts, j.crashes, coalesce(jsonb_array_length(j.errors), 0),
                    extract(epoch from j.run_at)::numeric, extract(epoch from j.created_at)::numeric, '-',
                    trim_scale((j.payload ->> 'a')::numeric), j.extras ->> 'timeout', j.extras -> 'tags' ->> 0, j.extras ->> 'uniqueKey',
                    j.extras ->> 'onConflict') as line
             from kongtask.jobs j join kongtask.tasks t on t.id = j.task_id join kongtask.queues q on q.id = j.queue_id
           union all
           select concat_ws('|', j.id, t.name, q.name, j.state, 0, j.priority, j.attempt, j.max_attempts, j.crashes,
                    coalesce(jsonb_array_length(j.errors), 0), extract(epoch from j.run_at)::numeric,
                    extract(epoch from j.created_at)::numeric, coalesce(j.reason, '-'), trim_scale((j.payload ->> 'a')::numeric),
                    j.extras ->> 'timeout', j.extras -> 'tags' ->> 0, j.extras ->> 'uniqueKey', j.extras ->> 'onConflict')
             from (select id, task_id, queue_id, 'dead' as state, priority, attempt, max_attempts, crashes, errors, run_at,
                          created_at, null as reason, payload, extras
                     from kongtask.dead_letters
                    union all
                   select id, task_id, queue_id, case when completed then 'completed' else 'cancelled' end, priority,
                          attempt, max_attempts, crashes, errors, run_at, created_at, reason, payload, extras
                     from (select * from kongtask.history union all select * from kongtask.history_overflow) h) j
             join kongtask.tasks t on t.id = j.task_id join kongtask.queues q on q.id = j.queue_id
         ) as s), '') as jobs,
         (select string_agg(concat(t.name, '|', k.key, '|', k.job_id, '|', (extract(epoch from k.until) * 1000)::int8), e'\\n')
            from kongtask.unique_keys k join kongtask.tasks t on t.id = k.task_id) as keys`

/** As SNAPSHOT prints it; what is not there leaves no gap. */
function lineOf({ id, entry, ...job }: ModelJob, now: number): string {
  const state = job.state === 'waiting' ? (job.runAt > now ? 'scheduled' : 'ready') : job.state
  const seconds = (ms: number): string => (ms / 1_000).toFixed(6)
  return [
    id,
    entry.task,
    entry.queue,
    state,
    job.worker,
    entry.priority,
    job.attempt,
    entry.maxAttempts,
    job.crashes,
    job.errors,
    seconds(job.runAt),
    seconds(job.createdAt),
    job.reason ?? '-',
    numberOf(entry.payload),
    entry.timeout,
    entry.tag,
    entry.key,
  ]
    .filter((part) => part !== undefined)
    .join('|')
}

/** The member `a` of a payload as jsonb prints it, whose numbers keep their zeros, so compare it by value. */
function numberOf(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'a' in payload ? String(payload.a) : ''
}

async function addFromSql(list: readonly EntryCommand[]): Promise<{ id: string; status: string }[]> {
  const [only] = list
  const rows =
    only !== undefined && list.length === 1
      ? await db.query('select id, status from kongtask.add_job($1, $2, $3)', [
          only.task,
          only.payload,
          JSON.stringify(only.options),
        ])
      : await db.query('select id, status from kongtask.add_jobs($1) order by ordinal', [
          `[${list.map(({ task, payload, options }) => `{"payload":${payload},${JSON.stringify({ task, ...options }).slice(1)}`).join(',')}]`,
        ])
  return rows.map(({ id, status }) => ({ id: String(id), status: String(status) }))
}

function settlementOf(how: How, delay: number): Settlement {
  switch (how) {
    case 'completed':
      return completed
    case 'retry':
      return { kind: how, delay, error }
    case 'snoozed':
    case 'deferred':
      return { kind: how, delay }
    case 'dead':
      return dead
    case 'cancelled':
      return cancelled
    case 'released':
      return { kind: how }
    default:
      return how satisfies never
  }
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)]
}

function given(options: {
  readonly [Name in keyof NewJobOptions]: NewJobOptions[Name] | undefined
}): NewJobOptions {
  const entriesOf = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entriesOf)
}

it(`random commands come out as the rules say (seed ${SEED})`, { timeout: 300_000 }, async () => {
  let run = 0
  await stopClock(db)
  const looking = await db.session()
  await looking.query(SNAPSHOT)
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { maxLength: LONGEST, size: 'max' }), async (list) => {
      const pair = new Pair(looking)
      await pair.begin()
      for (const command of list) {
        await pair.run(command)
        await pair.compare()
        run += 1
      }
    }),
    {
      seed: SEED,
      numRuns: RUNS,
      // Finding a shorter list takes minutes.
      endOnFailure: process.env['KONGTASK_SHRINK'] === undefined,
      interruptAfterTimeLimit: 240_000,
      markInterruptAsFailure: true,
    },
  )
  expect(run).toBeGreaterThan(RUNS * 10)
})
