// Every kind of statement fails now and then, before or after it was done, with whatever PostgreSQL may say.
import { defineTask, fixed, handle, KongTask, run, type Runner } from 'kongtask'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { pgDatabase } from '../../src/store/pg-database.ts'
import { createStore } from '../../src/store/store.ts'
import { Dice } from '../../src/torture/dice.ts'
import { seedOf } from '../store/keyed.ts'
import {
  BROKEN_OFF,
  EVERY_FAULT,
  faultyClient,
  RandomFaults,
  type ChooseFault,
  type FaultCode,
} from '../support/faulty-client.ts'
import { eventually } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { useJourney } from './journey.ts'

const app = useJourney()
const SEED = seedOf('KONGTASK_FAULTS_SEED')

let opened: pg.Pool[] = []
afterEach(async () => {
  await app.stopRunners()
  await Promise.all(opened.map((pool) => pool.end()))
  opened = []
})

function faultyPool(choose: ChooseFault): pg.Pool {
  const { connectionString } = app.database
  const pool = new pg.Pool({ connectionString, Client: faultyClient(choose), max: 5 })
  pool.on('error', () => undefined)
  opened.push(pool)
  return pool
}

const JOBS = 80

/** What a runner sends, each of which is to fail in both ways. */
const STATEMENTS = [
  'publish',
  'register_worker',
  'claim_jobs',
  'settle_jobs',
  'heartbeat',
  'rescue_workers',
  'store_step',
  'store_progress',
  'store_logs',
  'complete_job',
  'begin',
  'commit',
]

describe('a runner whose statements fail at random', () => {
  it(`runs every job, completes each exactly once, and does not end (seed ${SEED})`, async () => {
    await app.query('create table effects (job int8 not null)')
    const faults = new RandomFaults(new Dice(SEED), 6)
    const pool = faultyPool((text) => faults.choose(text))
    const again = { backoff: fixed(10), maxAttempts: 10_000 }
    const tasks = [
      handle(defineTask('plain', again), () => 'done'),
      handle(defineTask('talking', again), (_, { logger, progress }) => {
        logger.warn('kept')
        progress(1, 2)
      }),
      handle(defineTask('stepping', again), (_, { step }) => step('once', () => 'done')),
      handle(defineTask('exact', again), async (_, { job, withTransaction, complete }) => {
        await withTransaction(async (tx) => {
          await tx.query('insert into effects values ($1)', [job.id])
          await complete(tx)
        })
      }),
    ]
    const names = tasks.map(({ name }) => name)
    const added: string[] = []
    const add = async (): Promise<void> => {
      const entries = Array.from({ length: JOBS }, (_, n) => ({
        task: names[n % names.length] ?? '',
        maxAttempts: again.maxAttempts,
      }))
      added.push(...(await app.kong.addJobs(entries)).map(({ id }) => id))
    }
    await add()
    // What a process that died held is rescued meanwhile, too.
    const store = createStore(pgDatabase(app.database.pool, 10_000), 'kongtask')
    const dead = await store.registerWorker(1_000, {})
    const rows = await app.query('select id from kongtask.tasks')
    await store.claimJobs({
      ...dead,
      claim: 1,
      queues: 'all',
      total: 5,
      tasks: rows.map(({ id }) => Number(id)),
    })

    let hasStopped = false
    const runner = await startedAtLast({
      pool,
      tasks,
      logger: silent,
      migrate: false,
      pollInterval: 100,
      leaseDuration: '6s',
      heartbeatInterval: 200,
      storeLogs: 'warn',
    })
    void runner.stopped.then(() => (hasStopped = true))
    try {
      await expectAllCompleted(added.length)
      while (STATEMENTS.some((kind) => !faults.sawBoth(kind))) {
        await add()
        await expectAllCompleted(added.length)
      }
      expect(hasStopped).toBe(false)
    } finally {
      faults.isCalm = true
      await runner.stop()
    }
    const finished = await app.query('select id, count(*)::int as times from kongtask.history group by id')
    expect(finished.map(({ id }) => String(id)).toSorted()).toEqual(added.toSorted())
    expect(finished.filter(({ times }) => times !== 1)).toEqual([])
    const effects = await app.query(
      'select count(*)::int as n, count(distinct job)::int as jobs from effects',
    )
    const exact = added.length / names.length
    expect(effects).toEqual([{ n: exact, jobs: exact }])
  })
})

async function expectAllCompleted(count: number): Promise<void> {
  await eventually(async () => expect(await app.states()).toEqual({ completed: count }), { within: 45_000 })
}

/** Starting is not retried: whoever starts hears at once, with a reason, that it cannot be done. */
async function startedAtLast(options: Parameters<typeof run>[0]): Promise<Runner> {
  for (;;) {
    const runner = await run(options).catch(() => undefined)
    if (runner !== undefined) return runner
  }
}

describe('a client whose statement fails', () => {
  const told: Readonly<Record<FaultCode, string>> = {
    '57014': 'KT_STATEMENT_CANCELLED',
    '55P03': 'KT_STATEMENT_CANCELLED',
    '40001': 'KT_DATABASE_CONFLICT',
    '40P01': 'KT_DATABASE_CONFLICT',
    '57P01': 'KT_CONNECTION_LOST',
    '57P02': 'KT_CONNECTION_LOST',
    '57P03': 'KT_DATABASE_UNAVAILABLE',
    '53300': 'KT_DATABASE_UNAVAILABLE',
    '25006': 'KT_DATABASE_UNAVAILABLE',
    '53100': 'KT_DATABASE_UNAVAILABLE',
    '53200': 'KT_DATABASE_UNAVAILABLE',
    ECONNRESET: 'KT_CONNECTION_LOST',
    terminated: 'KT_CONNECTION_LOST',
  }
  const ways: readonly (readonly [way: string, add: (kong: KongTask) => Promise<unknown>, jobs: number])[] = [
    ['addJob', (kong) => kong.addJob('work'), 1],
    ['addJobs', (kong) => kong.addJobs([{ task: 'work' }, { task: 'work' }]), 2],
    [
      'addJobs, more than fit into a statement',
      (kong) => kong.addJobs(Array.from({ length: 5_001 }, () => ({ task: 'work' }))),
      5_001,
    ],
  ]

  /** Fails the statements that fit, the first so many times. */
  const failing = (statement: RegExp, code: FaultCode, isAfter: boolean, times = Infinity): KongTask => {
    let left = times
    const pool = faultyPool((text) => (statement.test(text) && left-- > 0 ? { code, isAfter } : undefined))
    return new KongTask({ pool })
  }

  describe.each(ways)('%s', (_, add, jobs) => {
    it.each(EVERY_FAULT)(
      'that was not done is told so with a code, and has added nothing: %s',
      async (code) => {
        const kong = failing(/insert_jobs/, code, false)
        await expect(add(kong)).rejects.toMatchObject({ name: 'KongTaskError', code: told[code] })
        expect(await app.states()).toEqual({})
      },
    )

    it.each(['40001', '40P01'] as const)(
      'that lost to another transaction is done again: %s',
      async (code) => {
        await add(failing(/insert_jobs/, code, false, 3))
        expect(await app.states()).toEqual({ ready: jobs })
      },
    )

    it.each(BROKEN_OFF)('that may have been done is not done again, and told so: %s', async (code) => {
      const kong = failing(jobs > 5_000 ? /^commit/ : /insert_jobs/, code, true)
      await expect(add(kong)).rejects.toMatchObject({
        code: 'KT_CONNECTION_LOST',
        message: expect.stringContaining('may have been written'),
      })
      expect(await app.states()).toEqual({ ready: jobs })
    })
  })
})
