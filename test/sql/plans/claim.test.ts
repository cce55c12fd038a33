// How PostgreSQL goes about a claim, whatever its statistics say: plans as auto_explain reports them from inside the
// functions, the pages that it touches, and that it leaves the indexes alone.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Claimed, ClaimRequest } from '../../../src/store/claim-jobs.ts'
import { withClient } from '../../support/run-databases.ts'
import { eventually } from '../../support/wait.ts'
import type { Explained } from '../explained.ts'
import { BUSY, emptyTables, QUIET, statistics } from './crowd.ts'
import { always, completed, inRounds, settledAs, usePlans } from './fixture.ts'

const plans = usePlans()

/** Numbers that no claim of the fixture has. */
let claimsAtOnce = 1_000_000

/** What is no survey: one statement, of which is seen that nothing was special. */
async function claimedAtOnce(
  total: number,
  queues: ClaimRequest['queues'] = new Map([[BUSY, total]]),
  asked: Partial<ClaimRequest> = {},
): Promise<Claimed> {
  claimsAtOnce += 1
  const request = { ...plans.worker, claim: claimsAtOnce, queues, total, tasks: [1], isSurvey: false }
  const claimed = await plans.store.claimJobs({ ...request, ...asked })
  expect(claimed.wasSpecial).toBeUndefined()
  return claimed
}

describe.each(statistics)('with statistics $when', ({ prepare }) => {
  // Once: tests take from the crowd what they need.
  beforeAll(() => plans.inSession(prepare))

  /** What every claim asks: whether a serial key waits to be settled, whether a rate lets somebody go on. */
  const questions = ['serial_keys_unsettled', 'rates_waiting']
  /** The gates of limits: who is held behind them, what tokens there are, who is parked there. */
  const gates = ['claims_limited', 'jobs_pkey', 'rates_pkey', 'jobs_parked']

  it.each<readonly [string, ClaimRequest['queues']]>([
    ['one queue', new Map([[BUSY, 50]])],
    ['all queues', 'all'],
  ])('a claim of %s goes down jobs_lane and then by place', async (_, queues) => {
    const looks = await inRounds(() => plans.explain(() => plans.claimed(50, queues)))
    expect(looks).toEqual(always('jobs_lane', 'place', ...questions))
  })

  it('a claim that finds too little also learns from jobs_lane what is due next', async () => {
    const looks = await inRounds(() =>
      plans.explain(async () => {
        const { dry, nextDueIn } = await plans.claimed(1_000, new Map([[QUIET, 1_000]]))
        expect([dry, nextDueIn !== undefined]).toEqual([true, true])
      }),
    )
    expect(looks).toEqual(always('jobs_lane', 'place', ...questions))
  })

  it.each<readonly [string, ClaimRequest['queues']]>([
    ['one queue', new Map([[BUSY, 50]])],
    ['all queues', 'all'],
  ])(
    'a claim of %s that is no survey goes down jobs_lane and then by place, and asks nothing',
    async (_, queues) => {
      const looks = await inRounds(() =>
        plans.explain(async () => expect((await claimedAtOnce(50, queues)).jobs).toHaveLength(50)),
      )
      expect(looks).toEqual(always('jobs_lane', 'place'))
    },
  )

  it('a claim that is no survey does so, too, where it finds nothing, and reads nothing that is due later', async () => {
    const looks = await inRounds(() =>
      plans.explain(async () => {
        expect(await claimedAtOnce(1_000, new Map([[QUIET, 1_000]]))).toMatchObject({ jobs: [], dry: true })
      }),
    )
    expect(looks).toEqual(always('jobs_lane', 'place'))
  })

  it('a claim of the job that one was told of finds it by jobs_pkey, and then by place', async () => {
    const looks = await inRounds(async () => {
      const [added] = await plans.add({})
      const told = { queue: BUSY, id: added?.id ?? '' }
      return plans.explain(async () => {
        const { jobs, wasTold } = await claimedAtOnce(50, 'all', { told })
        expect([jobs.length, wasTold]).toEqual([1, true])
      })
    })
    expect(looks).toEqual(always('jobs_pkey', 'place'))
  })

  it('a claim that is no survey reads nothing before its mark', async () => {
    // All that is due is of a task that it does not know, so it reads whatever lies behind the mark.
    const at = (Date.now() - 5 * 60_000) * 1_000
    const asked = { tasks: [2], marks: { places: [{ queue: BUSY, lane: -1, at, id: '0' }], paused: [] } }
    const looks = await inRounds(() =>
      plans.explain(async () => expect((await claimedAtOnce(10, 'all', asked)).jobs).toEqual([])),
    )
    expect(looks).toEqual(always('jobs_lane', 'place'))
  })

  it('a claim of many who claim finds the newest of their marks at the end of claim_marks_newest', async () => {
    const [at, horizon] = [(Date.now() - 8 * 3_600_000) * 1_000, Date.now() * 1_000]
    const marks = { places: [{ queue: BUSY, lane: -1, at, id: '0' }], paused: [] }
    const looks = await inRounds(() =>
      plans.explain(async () => {
        const { jobs } = await plans.claimed(50, new Map([[BUSY, 50]]), marks, horizon)
        expect(jobs).toHaveLength(50)
      }),
    )
    expect(looks).toEqual(always('jobs_lane', 'place', 'claim_marks_newest', ...questions))
  })

  it('a claim of jobs with serial keys finds the keys by serial_keys_pkey, and who was first by jobs_serial', async () => {
    const looks = await inRounds(async () => {
      const keys = [1, 2, 3].map(() => ({ serialKey: plans.key() }))
      await plans.add(...keys)
      // The same in a call of its own: as nobody has the keys yet, these are in their lanes, too.
      await plans.add(...keys)
      return plans.explain(() => plans.claim(10))
    })
    expect(looks).toEqual(always('jobs_lane', 'place', 'serial_keys_pkey', 'jobs_serial', ...questions))
  })

  it('a claim finds the keys that nobody has by serial_keys_unsettled', async () => {
    const round = async (): Promise<readonly Explained[]> => {
      const serialKey = plans.key()
      await plans.add({ serialKey })
      await plans.session.query('insert into kongtask.serial_keys (queue_id, key) values ($1, $2)', [
        BUSY,
        serialKey,
      ])
      return plans.explain(async () => {
        expect((await plans.claimOne()).priority).toBe(0)
      })
    }
    expect(await inRounds(round)).toEqual(
      always('jobs_lane', 'place', 'serial_keys_pkey', 'jobs_serial', ...questions),
    )
  })

  it('a claim of jobs with limits counts by claims_limited and jobs_pkey, and opens gates by jobs_parked', async () => {
    const round = async (): Promise<readonly Explained[]> => {
      const key = plans.key()
      const rateLimit = { limit: 100, per: 60_000, burst: 100, key }
      const four = [1, 2, 3, 4].map(() => ({ concurrency: { limit: 3, key }, rateLimit }))
      await plans.add(...four)
      await plans.add(...four, { concurrency: { limit: 2, key: plans.key() } })
      return plans.explain(async () => {
        const jobs = await plans.claim(10)
        // Three of the gate and the one of another; the rest had to be parked, and made room for the crowd.
        expect(jobs.filter(({ priority }) => priority === 0)).toHaveLength(4)
      })
    }
    expect(await inRounds(round)).toEqual(always('jobs_lane', 'place', ...gates, ...questions))
  })

  it('a claim lets jobs go on whose rate has tokens again by rates_waiting and jobs_parked', async () => {
    const round = async (): Promise<readonly Explained[]> => {
      const key = plans.key()
      const rateLimit = { limit: 1, per: 3_600_000, key }
      await plans.add({ rateLimit }, { rateLimit })
      await plans.claim(1)
      await plans.session.query(
        `update kongtask.rates set tokens = 5, opens_at = now() - interval '1 s' where queue_id = $1 and gate = $2`,
        [BUSY, `rate:key:${key}`],
      )
      return plans.explain(async () => {
        expect((await plans.claimOne()).priority).toBe(0)
      })
    }
    expect(await inRounds(round)).toEqual(always('jobs_lane', 'place', ...gates, ...questions))
  })

  it('a claim of a queue that has a limit counts what is held by claims_limited, claims_unlimited and jobs_pkey', async () => {
    await plans.store.limitQueue('quiet', { concurrency: 10, rateLimit: undefined })
    const looks = await inRounds(() => plans.explain(() => plans.claimed(10, new Map([[QUIET, 10]]))))
    await plans.store.limitQueue('quiet', { concurrency: null, rateLimit: undefined })
    const counted = ['claims_limited', 'claims_unlimited', 'jobs_pkey']
    expect(looks).toEqual(always('jobs_lane', 'place', ...counted, ...questions))
  })

  it('a claim of a queue that has a rate finds it by rates_pkey', async () => {
    const rateLimit = { limit: 1_000, per: 1_000, burst: 1_000 }
    await plans.store.limitQueue('default', { concurrency: undefined, rateLimit })
    const looks = await inRounds(() => plans.explain(() => plans.claim(10)))
    await plans.store.limitQueue('default', { concurrency: undefined, rateLimit: null })
    expect(looks).toEqual(always('jobs_lane', 'place', 'rates_pkey', ...questions))
  })
})

describe.each([
  ['a claim', plans.claimed.bind(plans)],
  [
    'a claim that is no survey',
    (total: number, queues?: ClaimRequest['queues'], marks?: ClaimRequest['marks']) =>
      claimedAtOnce(total, queues, { marks }),
  ],
] as const)('%s', (_, claimed) => {
  beforeEach(() => emptyTables(plans.session))

  /** Adds jobs that are due since up to an hour, or later, in one statement; due times are scattered over the table. */
  async function fill(count: number, priority = 1, delay = '-1 s', payload = '{}'): Promise<void> {
    await plans.session.query(
      `insert into kongtask.jobs (id, run_at, created_at, queue_id, task_id, retain_s, lane, max_attempts, payload)
       select nextval('kongtask.job_ids'), now() + $3::interval - n * 7919 % 3600 * interval '1 s', now(), 1, 1, 86400 * (n % 2), $2, 25, $4
         from generate_series(1, $1) n`,
      [count, priority, delay, payload],
    )
  }

  /** Pages touched, in memory or not, by one claim of so many: the least of three, so three times as many are claimed, and once more. */
  async function pagesOf(total: number, marks?: ClaimRequest['marks']): Promise<number> {
    // The first of a connection plans. So does one after statistics came in, which at most once a minute they do; where
    // a snapshot holds back what has run, that alone reads pages by the thousand.
    await claimed(total, undefined, marks)
    const pages: number[] = []
    for (let n = 0; n < 3; n++)
      pages.push(await plans.session.pagesOf(() => claimed(total, undefined, marks)))
    return Math.min(...pages)
  }

  it('does not wade through what is due later, though of better priority', async () => {
    await fill(500, 9)
    const alone = await pagesOf(50)
    await fill(50_000, 0, '1 day')
    const among = await pagesOf(50)
    // Fifty thousand jobs lie on hundreds of pages of the index alone.
    expect(alone).toBeGreaterThan(0)
    expect(among - alone).toBeLessThan(100)
  })

  it('does not wade through them either where nothing is due', async () => {
    await fill(50_000, 0, '1 day')
    // Two for each of the lanes, when claiming and when asking for the next due time.
    expect(await pagesOf(50)).toBeLessThan(300)
  })

  it('from a mark does not wade through what has run, though a snapshot holds it back', async () => {
    await fill(5_000, 1, '-2 hours')
    await withClient(plans.connectionString, async (holder) => {
      await holder.query('begin isolation level repeatable read')
      await holder.query('select from kongtask.jobs limit 1')
      for (let n = 0; n < 5; n++) await plans.settle((await plans.claim(1_000)).map(settledAs(completed)))
      await fill(200)
      const at = (Date.now() - 90 * 60_000) * 1_000
      const marked = await pagesOf(20, { places: [{ queue: 1, lane: -1, at, id: '0' }], paused: [] })
      const unmarked = await pagesOf(20)
      expect(unmarked).toBeGreaterThan(2_000)
      expect(marked).toBeLessThan(1_000)
    })
  })

  it('changes no index, be payloads small or large: all its updates are HOT', async () => {
    await fill(1_500)
    await fill(1_500, 1, '-1 s', JSON.stringify('x'.repeat(500)))
    await plans.session.query('vacuum analyze kongtask.jobs')
    const [before] = await updates()
    for (let n = 0; n < 15; n++) await claimed(200)
    await eventually(async () => {
      const [after] = await updates()
      expect(Number(after?.['all']) - Number(before?.['all'])).toBe(3_000)
      expect(Number(after?.['hot']) - Number(before?.['hot'])).toBe(3_000)
    })
  })

  async function updates(): Promise<readonly Record<string, unknown>[]> {
    // PostgreSQL 15 and later say at once what they know; before, it takes a moment.
    await plans.session.query(
      `do $$ begin
         if to_regproc('pg_stat_force_next_flush') is not null then perform pg_stat_force_next_flush(); end if;
       end $$`,
    )
    return plans.session.query(
      `select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relid = 'kongtask.jobs'::regclass`,
    )
  }
})
