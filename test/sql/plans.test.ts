// How PostgreSQL goes about the hot verbs, whatever its statistics say: plans as auto_explain reports them from inside
// the functions, the pages that a claim touches, and that claiming leaves the indexes alone.
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { Claimed, ClaimedJob, ClaimRequest } from '../../src/store/claim-jobs.ts'
import type { Database } from '../../src/store/database.ts'
import type { SettledJob } from '../../src/store/settle-jobs.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Registration } from '../../src/store/workers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withClient } from '../support/run-databases.ts'
import { eventually } from '../support/wait.ts'

/** Above this estimate PostgreSQL compiles a plan, which costs more than the statement: jit_above_cost. */
const JIT_ABOVE = 100_000

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Total Cost': number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

interface Explained {
  readonly 'Query Text': string
  readonly Plan: PlanNode
  /** Planner settings that are not at their default. */
  readonly Settings?: JsonObject
  readonly JIT?: object
}

let database: TestDatabase
let session: Session

/** One connection, whose plans are recorded, and a worker that uses it. */
class Session {
  readonly plans: Explained[] = []
  readonly #client: Client
  readonly #store: Store
  #registration: Registration | undefined
  #claims = 0

  constructor(connectionString: string) {
    this.#client = new Client({ connectionString })
    this.#client.on('notice', ({ message }) => {
      const found = /^duration: .* plan:\s*(\{[^]*\})\s*$/.exec(message ?? '')
      if (found === null) return
      const plan: Explained = JSON.parse(found[1] ?? '')
      this.plans.push(plan)
    })
    this.#store = createStore(oneClient(this.#client), 'kongtask')
  }

  async open(): Promise<void> {
    await this.#client.connect()
    this.#registration = await this.#store.registerWorker(600_000, {})
    await this.query(`load 'auto_explain'`)
    // Not the defaults of some server: those of PostgreSQL, and JIT wherever it can be.
    for (const setting of [
      `jit = on`,
      `jit_above_cost = ${JIT_ABOVE}`,
      `auto_explain.log_format = json`,
      `auto_explain.log_nested_statements = on`,
      `auto_explain.log_settings = on`,
      `client_min_messages = log`,
    ]) {
      await this.query(`set ${setting}`)
    }
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.#client.query<Record<string, unknown>>(text, values)).rows
  }

  /** The plans of everything that `work` has the database do. */
  async explain(work: () => Promise<unknown>): Promise<readonly Explained[]> {
    this.plans.length = 0
    await this.query('set auto_explain.log_min_duration = 0')
    await work()
    await this.query('set auto_explain.log_min_duration = -1')
    return [...this.plans]
  }

  /** Of the one queue that there is, or of all queues. */
  async claimed(
    total: number,
    queues: ClaimRequest['queues'] = new Map([[1, total]]),
    marks?: ClaimRequest['marks'],
  ): Promise<Claimed> {
    if (this.#registration === undefined) throw new Error('not open')
    this.#claims += 1
    const lease = { ...this.#registration, claim: this.#claims }
    return this.#store.claimJobs({ ...lease, queues, total, tasks: [1], marks })
  }

  async claim(total: number): Promise<readonly ClaimedJob[]> {
    const { jobs } = await this.claimed(total)
    if (jobs.length !== total) throw new Error(`${jobs.length} jobs instead of ${total}`)
    return jobs
  }

  async settle(jobs: readonly SettledJob[]): Promise<void> {
    const worker = this.#registration?.worker ?? 0
    const { refused } = await this.#store.settleJobs({ worker, queue: 1, jobs, closed: [] })
    if (refused.size > 0) throw new Error(`refused: ${[...refused].join(', ')}`)
  }

  /** As a heartbeat that knows of nothing: everything claimed goes back. */
  async release(): Promise<void> {
    if (this.#registration === undefined) throw new Error('not open')
    const beat = { ...this.#registration, lease: 600_000, known: [], before: this.#claims + 1, heard: [] }
    if (!(await this.#store.heartbeat(beat))) throw new Error('not alive')
  }
}

/** The port over a single connection. */
function oneClient(client: Client): Database {
  const refuse = (): never => {
    throw new Error('nothing here asks for this')
  }
  return {
    query: (text, values) => client.query(text, [...values]),
    queryText: async (text, values) => {
      const types = { getTypeParser: () => String }
      return (await client.query<(string | null)[]>({ text, values: [...values], rowMode: 'array', types }))
        .rows
    },
    script: refuse,
    transaction: refuse,
  }
}

/** Adds jobs that are due since up to an hour, or later, in one statement; due times are scattered over the table. */
async function fill(count: number, priority = 1, delay = '-1 s'): Promise<void> {
  await session.query(
    `insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
     select nextval('kongtask.job_ids'), now() + $3::interval - n * 7919 % 3600 * interval '1 s', now(), 1, 1, 86400 * (n % 2), $2, 25, '{}'
       from generate_series(1, $1) n`,
    [count, priority, delay],
  )
}

async function openSession(): Promise<void> {
  session = new Session(database.connectionString)
  await session.open()
}

async function inSession(work: () => Promise<void>): Promise<void> {
  await openSession()
  try {
    await work()
  } finally {
    await session.close()
  }
}

beforeAll(async () => {
  database = await createTestDatabase()
  await inSession(async () => {
    // Statistics are what each test says that they are.
    await session.query('alter table kongtask.jobs set (autovacuum_enabled = off)')
    await session.query(`insert into kongtask.tasks (name) values ('work')`)
  })
})

afterAll(() => database.drop())

// Of its own for each test: PL/pgSQL keeps the plans of a connection.
beforeEach(openSession)
afterEach(() => session.close())

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

const readsJobs = (node: PlanNode): boolean =>
  node['Relation Name'] === 'jobs' && node['Node Type'] !== 'ModifyTable'

/** What is wrong with a plan, as sentences. */
function sins({ Plan: plan, Settings: settings, JIT: jit }: Explained): string[] {
  const found = nodesOf(plan).flatMap((node) => {
    const type = node['Node Type']
    if (readsJobs(node)) return goodAccess(node) ? [] : [`jobs by ${described(node)}`]
    const wasteful = /Sort|Hash Join|Merge Join|Bitmap|Materialize/.test(type)
    return wasteful && nodesOf(node).some(readsJobs) ? [`a ${type} above jobs`] : []
  })
  if (jit !== undefined) found.push('compiled')
  // A server without LLVM compiles nothing, and must not hide it.
  if (plan['Total Cost'] >= JIT_ABOVE && settings?.['jit'] !== 'off') found.push('would be compiled')
  return found
}

/** By place, or down an index to where the rows are: by queue alone would be a walk of the whole queue. */
function goodAccess(node: PlanNode): boolean {
  const type = node['Node Type']
  const condition = node['Index Cond'] ?? ''
  if (type === 'Tid Scan') return true
  if (!/^Index (Only )?Scan$/.test(type)) return false
  const parts = node['Index Name'] === 'jobs_lane' ? ['queue_id', 'lane', 'run_at'] : ['queue_id', 'id']
  return parts.every((part) => new RegExp(`\\b${part}\\b`).test(condition))
}

function described(node: PlanNode): string {
  const {
    'Node Type': type,
    'Index Name': index = 'no index',
    'Index Cond': condition = 'no condition',
  } = node
  return type === 'Tid Scan' ? type : `${type} of ${index} with ${condition}`
}

/** How each statement gets at the jobs: index names, or `place`. */
function accesses(plans: readonly Explained[]): ReadonlySet<string> {
  const nodes = plans.flatMap(({ Plan: plan }) => nodesOf(plan).filter(readsJobs))
  return new Set(
    nodes.map((node) => node['Index Name'] ?? (node['Node Type'] === 'Tid Scan' ? 'place' : 'walk')),
  )
}

const error = { name: 'Error', message: 'no' }
const completed: Settlement = { kind: 'completed', result: undefined }
const others: readonly Settlement[] = [
  { kind: 'retry', delay: 60_000, error },
  { kind: 'snoozed', delay: 60_000 },
  { kind: 'released' },
  { kind: 'dead', reason: 'attempts', error },
  { kind: 'cancelled', reason: 'sold out' },
]

const settledAs =
  (settlement: Settlement) =>
  (job: ClaimedJob): SettledJob => ({ ...job, settlement })

interface Statistics {
  readonly when: string
  readonly prepare: () => Promise<void>
  /** What the planner then takes the table for. */
  readonly tuples: number
  readonly hasPages: boolean
}

const statistics: readonly Statistics[] = [
  {
    when: 'from when the table was new and empty',
    prepare: async () => {
      await session.query('analyze kongtask.jobs')
      await fill(50_000)
    },
    tuples: 0,
    hasPages: false,
  },
  {
    // Vacuum leaves the pages, so the planner knows that there are many and believes that all are empty.
    when: 'from when the table had run dry',
    prepare: async () => {
      await fill(5_000)
      await session.query('delete from kongtask.jobs')
      await session.query('vacuum analyze kongtask.jobs')
      await fill(50_000)
    },
    tuples: 0,
    hasPages: true,
  },
  {
    when: 'from when there were three jobs',
    prepare: async () => {
      await fill(3, 9)
      await session.query('analyze kongtask.jobs')
      await fill(50_000)
    },
    tuples: 3,
    hasPages: true,
  },
  {
    when: 'of the full table',
    prepare: async () => {
      await fill(50_000)
      await session.query('analyze kongtask.jobs')
    },
    tuples: 50_000,
    hasPages: true,
  },
]

// After five executions PL/pgSQL may change from a plan for these values to one for any, so each is asked more often.
const rounds = Array.from({ length: 8 }, (_, round) => round)

describe.each(statistics)('with statistics $when', ({ prepare, tuples, hasPages }) => {
  // Once: tests take from fifty thousand what they need.
  beforeAll(() =>
    inSession(async () => {
      await session.query('truncate kongtask.jobs, kongtask.claims')
      await prepare()
    }),
  )

  it('the planner knows no better', async () => {
    const [row] = await session.query(
      `select reltuples::int8::int4 as tuples, relpages > 0 as "hasPages" from pg_class
        where oid = 'kongtask.jobs'::regclass`,
    )
    expect(row).toEqual({ tuples, hasPages })
  })

  it('a claim goes down jobs_lane and then by place', async () => {
    for (const round of rounds) {
      for (const queues of [new Map([[1, 100]]), 'all' as const]) {
        const plans = await session.explain(() => session.claimed(100, queues))
        expect(plans.flatMap(sins), `round ${round}`).toEqual([])
        expect(accesses(plans)).toEqual(new Set(['jobs_lane', 'place']))
      }
    }
  })

  it('completed jobs are settled by place, and through jobs_pkey where they lie no more', async () => {
    for (const round of rounds) {
      const jobs = await session.claim(100)
      const plans = await session.explain(() => session.settle(jobs.map(settledAs(completed))))
      expect(plans.flatMap(sins), `round ${round}`).toEqual([])
      expect(accesses(plans)).toEqual(new Set(['place']))

      const moved = (await session.claim(100)).map((job) => ({ ...job, place: '(0,1)' }))
      const again = await session.explain(() => session.settle(moved.map(settledAs(completed))))
      expect(again.flatMap(sins), `round ${round}`).toEqual([])
      expect(accesses(again)).toEqual(new Set(['place', 'jobs_pkey']))
    }
  })

  it.each(others)('jobs are settled through jobs_pkey: $kind', async (settlement) => {
    for (const round of rounds) {
      const jobs = await session.claim(100)
      const plans = await session.explain(() => session.settle(jobs.map(settledAs(settlement))))
      expect(plans.flatMap(sins), `round ${round}`).toEqual([])
      expect(accesses(plans)).toEqual(new Set(['place', 'jobs_pkey']))
    }
  })

  it('jobs are given back through jobs_pkey', async () => {
    for (const round of rounds) {
      await session.claim(100)
      const plans = await session.explain(() => session.release())
      expect(plans.flatMap(sins), `round ${round}`).toEqual([])
      expect(accesses(plans)).toEqual(new Set(['place', 'jobs_pkey']))
    }
  })

  it('a claim that finds too little also learns from jobs_lane what is due next', async () => {
    await session.query(`update kongtask.jobs set run_at = run_at + interval '1 day' where id % 1000 <> 0`)
    for (const round of rounds) {
      const plans = await session.explain(async () => {
        const { dry, nextDueIn } = await session.claimed(1_000)
        expect([dry, nextDueIn !== undefined]).toEqual([true, true])
      })
      expect(plans.flatMap(sins), `round ${round}`).toEqual([])
      expect(accesses(plans).has('jobs_lane')).toBe(true)
    }
  })
})

describe('the eye of these tests', () => {
  beforeEach(async () => {
    await session.query('truncate kongtask.jobs, kongtask.claims')
    await fill(2_000)
    await session.query('analyze kongtask.jobs')
  })

  const dear = `create function pg_temp.dear() returns int4 language plpgsql cost 1000000000 as 'begin return 1; end'`

  it.each<readonly [string, readonly string[], string]>([
    ['select from kongtask.jobs', [], 'jobs by Seq Scan of no index with no condition'],
    ['select from kongtask.jobs order by payload', [], 'a Sort above jobs'],
    ['select from kongtask.jobs where queue_id = 1', ['set enable_seqscan = off'], 'jobs by '],
    ['select from kongtask.jobs a join kongtask.jobs b using (id)', [], 'a Hash Join above jobs'],
    ['select pg_temp.dear()', [dear], 'compiled'],
  ])('sees what is wrong with %s', async (text, before, sin) => {
    for (const statement of before) await session.query(statement)
    const plans = await session.explain(() => session.query(text))
    expect(plans.flatMap(sins)).toContainEqual(expect.stringContaining(sin))
  })

  it('is content with the good', async () => {
    await session.query('set enable_seqscan = off')
    await session.query(dear)
    const good = async (): Promise<void> => {
      await session.query('select from kongtask.jobs where queue_id = 1 and id = 7')
      await session.query(`select from kongtask.jobs where ctid = '(0,1)'`)
      await session.query('set jit = off')
      await session.query('select pg_temp.dear()')
    }
    const plans = await session.explain(good)
    expect(plans).toHaveLength(3)
    expect(plans.flatMap(sins)).toEqual([])
  })
})

describe('a claim', () => {
  beforeEach(() => session.query('truncate kongtask.jobs, kongtask.claims'))

  /** Pages touched, in memory or not, by one claim of so many. */
  async function pagesOf(total: number, marks?: ClaimRequest['marks']): Promise<number> {
    // The first of a connection plans.
    await session.claimed(total, undefined, marks)
    await session.query('set auto_explain.log_analyze = on')
    await session.query('set auto_explain.log_buffers = on')
    const plans = await session.explain(() => session.claimed(total, undefined, marks))
    // The outermost ends last, and counts what those within it touched.
    const claim = plans.at(-1)
    expect(claim?.['Query Text']).toContain('claim_jobs')
    return (claim?.Plan['Shared Hit Blocks'] ?? 0) + (claim?.Plan['Shared Read Blocks'] ?? 0)
  }

  it('does not wade through what is due later, though of better priority', async () => {
    await fill(500, 9)
    const alone = await pagesOf(50)
    await fill(100_000, 0, '1 day')
    const among = await pagesOf(50)
    // A hundred thousand jobs lie on a thousand pages of the index alone.
    expect(alone).toBeGreaterThan(0)
    expect(among - alone).toBeLessThan(100)
  })

  it('does not wade through them either where nothing is due', async () => {
    await fill(100_000, 0, '1 day')
    // Two for each of the lanes, when claiming and when asking for the next due time.
    expect(await pagesOf(50)).toBeLessThan(300)
  })

  it('from a mark does not wade through what has run, though a snapshot holds it back', async () => {
    await fill(5_000, 1, '-2 hours')
    await withClient(database.connectionString, async (holder) => {
      await holder.query('begin isolation level repeatable read')
      await holder.query('select from kongtask.jobs limit 1')
      for (let n = 0; n < 5; n++) await session.settle((await session.claim(1_000)).map(settledAs(completed)))
      await fill(200)
      const at = (Date.now() - 90 * 60_000) * 1_000
      const marked = await pagesOf(20, { places: [{ queue: 1, lane: -1, at, id: '0' }], paused: [] })
      const unmarked = await pagesOf(20)
      expect(unmarked).toBeGreaterThan(2_000)
      expect(marked).toBeLessThan(400)
    })
  })

  it('changes no index: all its updates are HOT', async () => {
    await fill(5_000)
    await session.query('vacuum analyze kongtask.jobs')
    const [before] = await updates()
    for (let n = 0; n < 10; n++) await session.claim(50)
    await eventually(async () => {
      const [after] = await updates()
      expect(Number(after?.['all']) - Number(before?.['all'])).toBe(500)
      expect(Number(after?.['hot']) - Number(before?.['hot'])).toBe(500)
    })
  })

  async function updates(): Promise<readonly Record<string, unknown>[]> {
    // PostgreSQL 15 and later say at once what they know; before, it takes a moment.
    await session.query(
      `do $$ begin
         if to_regproc('pg_stat_force_next_flush') is not null then perform pg_stat_force_next_flush(); end if;
       end $$`,
    )
    return session.query(
      `select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relid = 'kongtask.jobs'::regclass`,
    )
  }
})
