// Random commands about jobs with serial keys, and what must be true after each: one job of a key runs at a time, it is the
// one whose turn it is, a claim misses nobody whose turn it is, and in the end all of them finish.
// KONGTASK_SERIAL_SEED=… runs others, KONGTASK_SERIAL_RUNS=… more of them; KONGTASK_SHRINK=1 looks for a shorter list.
/* oxlint-disable vitest/no-standalone-expect, vitest/expect-expect -- every command of the one test expects */
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import type { NewJobOptions, OnConflict } from '../../src/core/new-job.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { ClaimedJob } from '../../src/store/claim-jobs.ts'
import { newJob, useStore, type FixtureWorker } from './fixture.ts'
import {
  cancelled,
  completed,
  Connections,
  dead,
  drop,
  error,
  forgetJobs,
  redrive,
  seedOf,
  setClock,
  settle,
  stopClock,
  type Connection,
} from './keyed.ts'

const db = useStore()
const connections = new Connections(db)
afterEach(() => connections.close())

const SEED = seedOf('KONGTASK_SERIAL_SEED')
const RUNS = Number(process.env['KONGTASK_SERIAL_RUNS'] ?? 60)
/** Half of it on average. */
const LONGEST = 160
const START = Date.parse('2030-01-01T00:00:00Z')
const EVERYTHING = 1_000

type Command =
  | { readonly do: 'add'; readonly entries: readonly NewJobOptions[] }
  /** In a transaction that stays open until `end`. */
  | { readonly do: 'begin'; readonly adder: number; readonly entries: readonly NewJobOptions[] }
  | { readonly do: 'end'; readonly adder: number; readonly how: 'commit' | 'rollback' }
  | { readonly do: 'claim'; readonly worker: number; readonly limit: number }
  | { readonly do: 'settle'; readonly which: number; readonly settlement: Settlement }
  | { readonly do: 'rescue'; readonly worker: number }
  | { readonly do: 'redrive'; readonly which: number }
  | { readonly do: 'drop'; readonly which: number; readonly how: 'cancel' | 'delete' }
  | { readonly do: 'advance'; readonly by: number }

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const which = fc.nat({ max: 1_000 })

const serials = fc
  .record({
    serialKey: some('s', 's', 't', undefined),
    queue: some('default', 'default', 'other'),
    scheduledIn: some(undefined, undefined, undefined, 30_000),
    priority: some(0, 1, 9),
  })
  .map(given)
/** One that may take the place of another, under whatever serial key. */
const uniques = fc
  .record({
    plain: serials,
    uniqueKey: some('u', 'v'),
    onConflict: some<OnConflict>('skip', 'replace', 'replace', 'keep_schedule'),
  })
  .map(({ plain, uniqueKey, onConflict }): readonly NewJobOptions[] => [{ ...plain, uniqueKey, onConflict }])
const bulks = fc.array(serials, { minLength: 1, maxLength: 4 })

const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.oneof(bulks, uniques, uniques).map((entries) => ({ do: 'add' as const, entries })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('begin' as const), adder: some(0, 1), entries: bulks }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      adder: some(0, 1),
      how: some<'commit' | 'rollback'>('commit', 'commit', 'rollback'),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      worker: some(0, 1),
      limit: some(1, 2, EVERYTHING),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which,
      settlement: some<Settlement>(
        completed,
        completed,
        completed,
        { kind: 'retry', delay: 0, error },
        { kind: 'retry', delay: 30_000, error },
        { kind: 'snoozed', delay: 30_000 },
        { kind: 'released' },
        dead,
        cancelled,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rescue' as const), worker: some(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redrive' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('drop' as const),
      which,
      how: some<'cancel' | 'delete'>('cancel', 'delete'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), by: some(10_000, 60_000) }) },
)

/** A live job as the database shows it. */
interface Live {
  readonly id: number
  /** Queue and serial key; its own id, where it has no key. */
  readonly line: string
  readonly running: boolean
  readonly due: boolean
}

class Trial {
  #now = START
  #step = 0
  #live: readonly Live[] = []
  /** When each job came into its line: the number of the command. */
  readonly #came = new Map<string, number>()
  /** Of each line, the job that ran last and is still in it: it comes before all others. */
  readonly #started = new Map<string, number>()
  readonly #claimed = new Map<string, ClaimedJob>()
  readonly #over = new Set<string>()
  readonly #workers: FixtureWorker[] = []
  readonly #adders: readonly Connection[]
  readonly #open = new Set<number>()

  constructor(adders: readonly Connection[]) {
    this.#adders = adders
  }

  async begin(): Promise<void> {
    await forgetJobs(db)
    await setClock(db, START)
    this.#workers.push(await db.worker(), await db.worker())
  }

  async run(command: Command): Promise<void> {
    this.#step += 1
    await this.#do(command)
    await this.#look()
  }

  /** Nothing is stuck: what can run does, until nothing is left. */
  async finish(): Promise<void> {
    for (const adder of this.#open) await this.#adders[adder]?.query('commit')
    this.#open.clear()
    this.#now += 86_400_000
    await setClock(db, this.#now)
    await this.#look()
    for (const worker of this.#workers) {
      await db.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [worker.number])
    }
    await db.store.rescueWorkers()
    this.#claimed.clear()
    this.#workers[0] = await db.worker()
    await this.#look()
    // Each round ends at least one job of each line.
    for (let left = this.#live.length; left > 0; left = this.#live.length) {
      this.#step += 1
      await this.#claim(0, EVERYTHING)
      for (const job of this.#claimed.values()) await settle(db.store, [job], completed)
      this.#claimed.clear()
      await this.#look()
      expect(this.#live.length, `stuck: ${JSON.stringify(await db.contents())}`).toBeLessThan(left)
    }
    // What is forgotten by claims is forgotten by now.
    await this.#claim(0, EVERYTHING)
    expect(await db.query('select * from kongtask.serial_keys')).toEqual([])
  }

  async #do(command: Command): Promise<unknown> {
    switch (command.do) {
      case 'add':
        return db.store.insertJobs(command.entries.map(newJob))
      case 'begin': {
        const adder = this.#adders[command.adder]
        if (!this.#open.has(command.adder)) await adder?.query('begin')
        this.#open.add(command.adder)
        return adder?.store.insertJobs(command.entries.map(newJob))
      }
      case 'end':
        if (!this.#open.delete(command.adder)) return undefined
        return this.#adders[command.adder]?.query(command.how)
      case 'claim':
        return this.#claim(command.worker, command.limit)
      case 'settle': {
        const job = pick([...this.#claimed.values()], command.which)
        if (job === undefined) return undefined
        this.#claimed.delete(job.id)
        this.#over.add(job.id)
        return settle(db.store, [job], command.settlement)
      }
      case 'rescue': {
        const number = this.#workers[command.worker]?.number ?? 0
        await db.query(`update kongtask.workers set expires_at = '-infinity' where id = $1`, [number])
        await db.store.rescueWorkers()
        for (const [id, { lease }] of this.#claimed) if (lease.worker === number) this.#claimed.delete(id)
        this.#workers[command.worker] = await db.worker()
        return undefined
      }
      case 'redrive': {
        const live = new Set(this.#live.map(({ id }) => String(id)))
        const id = pick(
          [...this.#over].filter((over) => !live.has(over)),
          command.which,
        )
        return id === undefined ? undefined : redrive(db.store, [id])
      }
      case 'drop': {
        const job = pick(
          this.#live.filter(({ running }) => !running),
          command.which,
        )
        return job === undefined ? undefined : drop(db.store, String(job.id), command.how)
      }
      case 'advance':
        this.#now += command.by
        return setClock(db, this.#now)
      default:
        return command satisfies never
    }
  }

  async #claim(index: number, limit: number): Promise<void> {
    await this.#look()
    const jobs = (await this.#workers[index]?.claim(limit)) ?? []
    const ids = new Set(jobs.map(({ id }) => Number(id)))
    expect(ids.size).toBe(jobs.length)
    for (const [line, members] of this.#lines()) {
      const chosen = members.filter(({ id }) => ids.has(id))
      const turn = this.#turnOf(line, members)
      expect(chosen.length, `of ${line}`).toBeLessThanOrEqual(1)
      for (const { id, due } of chosen) {
        expect(due, `${id} is due`).toBe(true)
        expect(
          turn.map((job) => job.id),
          `${id} of ${line}`,
        ).toContain(id)
        this.#started.set(line, id)
      }
      if (limit === EVERYTHING && turn.length > 0 && turn.every(({ due }) => due)) {
        expect(chosen.length, `of ${line}, whose turn it is: ${JSON.stringify(turn)}`).toBe(1)
      }
    }
    for (const job of jobs) {
      if (job.ended === null) this.#claimed.set(job.id, job)
      else await settle(db.store, [job], { kind: 'cancelled', reason: job.ended })
    }
  }

  /**
   * Whose turn it may be: the one that has begun; else the first that was added. Where that one came later than others
   * (it was redriven, say, or its transaction was long), the key may have been given to one of those before.
   */
  #turnOf(line: string, members: readonly Live[]): readonly Live[] {
    if (members.some(({ running }) => running)) return []
    const started = members.filter(({ id }) => id === this.#started.get(line))
    if (started.length > 0) return started
    const cameAt = ({ id }: Live): number => this.#came.get(`${line} ${id}`) ?? 0
    return members.filter((job) =>
      members.every((other) => other.id >= job.id || cameAt(other) > cameAt(job)),
    )
  }

  #lines(): Map<string, Live[]> {
    const lines = new Map<string, Live[]>()
    for (const job of this.#live) lines.set(job.line, [...(lines.get(job.line) ?? []), job])
    return lines
  }

  async #look(): Promise<void> {
    const rows = await db.query(
      `select id, queue_id || ' ' || coalesce('key ' || serial_key, id::text) as line, worker <> 0 as running,
              run_at <= kongtask.clock() as due
         from kongtask.jobs order by id`,
    )
    this.#live = rows.map(({ id, line, running, due }) => ({
      id: Number(id),
      line: String(line),
      running: running === true,
      due: due === true,
    }))
    const there = new Set(this.#live.map(({ id, line }) => `${line} ${id}`))
    for (const place of this.#came.keys()) if (!there.has(place)) this.#came.delete(place)
    for (const place of there) if (!this.#came.has(place)) this.#came.set(place, this.#step)
    for (const [line, id] of this.#started) if (!there.has(`${line} ${id}`)) this.#started.delete(line)
    for (const [line, members] of this.#lines()) {
      expect(members.filter(({ running }) => running).length, `running of ${line}`).toBeLessThanOrEqual(1)
    }
  }
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)]
}

function given(options: {
  readonly [Name in keyof NewJobOptions]: NewJobOptions[Name] | undefined
}): NewJobOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

it(
  `random commands leave each serial key in order, and none stuck (seed ${SEED})`,
  { timeout: 600_000 },
  async () => {
    await stopClock(db)
    const adders = await connections.many(2)
    await db.query(`select kongtask.intern('{work}', '{default,other}')`)
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { maxLength: LONGEST, size: 'max' }), async (list) => {
        const trial = new Trial(adders)
        try {
          await trial.begin()
          for (const command of list) await trial.run(command)
          await trial.finish()
        } finally {
          for (const { query } of adders) await query('rollback')
        }
      }),
      {
        seed: SEED,
        numRuns: RUNS,
        endOnFailure: process.env['KONGTASK_SHRINK'] === undefined,
        interruptAfterTimeLimit: 500_000,
        markInterruptAsFailure: true,
      },
    )
  },
)
