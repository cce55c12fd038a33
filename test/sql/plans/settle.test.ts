// How PostgreSQL goes about writing what became of jobs, whatever its statistics say.
import { beforeAll, describe, expect, it } from 'vitest'
import type { Settlement } from '../../../src/core/settlement.ts'
import type { ClaimedJob } from '../../../src/store/claim-jobs.ts'
import type { FixtureJob } from '../../store/fixture.ts'
import type { Explained } from '../explained.ts'
import { BUSY, statistics } from './crowd.ts'
import { always, completed, inRounds, settledAs, usePlans } from './fixture.ts'

const plans = usePlans()

const error = { name: 'Error', message: 'no' }
const retried: Settlement = { kind: 'retry', delay: 60_000, error }
const dead: Settlement = { kind: 'dead', reason: 'attempts', error }
const others: readonly Settlement[] = [
  retried,
  { kind: 'snoozed', delay: 60_000 },
  { kind: 'released' },
  dead,
  { kind: 'cancelled', reason: 'sold out' },
]

const settle = (jobs: readonly ClaimedJob[], settlement: Settlement): Promise<readonly Explained[]> =>
  plans.explain(() => plans.settle(jobs.map(settledAs(settlement))))

/** It has not lain there since it was claimed. */
const moved = (job: ClaimedJob): ClaimedJob => ({ ...job, place: '(0,1)' })

/** Two of which the second has to wait for the first, and one for which nobody waits. */
const withSerialKeys = (): FixtureJob[] => {
  const two = { serialKey: plans.key() }
  return [two, two, { serialKey: plans.key() }]
}

/** Three of which one is parked. */
const withLimits = (): FixtureJob[] => {
  const concurrency = { limit: 2, key: plans.key() }
  return [{ concurrency }, { concurrency }, { concurrency }]
}

describe.each(statistics)('with statistics $when', ({ prepare }) => {
  // Once: tests take from the crowd what they need.
  beforeAll(() => plans.inSession(prepare))

  it('completed jobs are settled by place', async () => {
    const looks = await inRounds(async () => settle(await plans.claim(100), completed))
    expect(looks).toEqual(always('place'))
  })

  it('completed jobs are settled through jobs_pkey where they lie no more', async () => {
    const looks = await inRounds(async () => settle((await plans.claim(100)).map(moved), completed))
    expect(looks).toEqual(always('place', 'jobs_pkey'))
  })

  it.each(others)('jobs are settled through jobs_pkey: $kind', async (settlement) => {
    const looks = await inRounds(async () => settle(await plans.claim(20), settlement))
    expect(looks).toEqual(always('place', 'jobs_pkey'))
  })

  it('a claim of which nothing is left ends through claims_pkey', async () => {
    const looks = await inRounds(async () => {
      const jobs = await plans.claim(10)
      return plans.explain(() => plans.settle(jobs.map(settledAs(completed)), [plans.claims]))
    })
    expect(looks).toEqual(always('place', 'claims_pkey'))
  })

  it.each<readonly [string, Settlement, readonly string[]]>([
    ['completed', completed, []],
    ['dead', dead, ['jobs_pkey']],
  ])(
    'a serial key goes to the next of its jobs through serial_keys_pkey and jobs_serial: %s',
    async (_, settlement, more) => {
      const looks = await inRounds(async () => {
        await plans.add(...withSerialKeys())
        return settle(await plans.claim(10), settlement)
      })
      expect(looks).toEqual(always('place', 'serial_keys_pkey', 'jobs_serial', ...more))
    },
  )

  it.each<readonly [string, Settlement, readonly string[]]>([
    ['completed', completed, []],
    ['retry', retried, ['jobs_pkey']],
  ])(
    'room under a limit goes to the next behind the gate through jobs_parked: %s',
    async (_, settlement, more) => {
      const looks = await inRounds(async () => {
        await plans.add(...withLimits())
        return settle(await plans.claim(10), settlement)
      })
      expect(looks).toEqual(always('place', 'jobs_parked', ...more))
    },
  )

  describe('a job that completes in a transaction of its handler', () => {
    /** Another one waits for what it leaves. */
    const claimOne = async (): Promise<ClaimedJob> => {
      const two = { serialKey: plans.key(), concurrency: { limit: 1, key: plans.key() } }
      await plans.add(two, two)
      return plans.claimOne()
    }
    const complete = (job: ClaimedJob): Promise<void> =>
      plans.session.database.transaction((tx) =>
        plans.store.completeJob(job, { result: null, idle: 1_000 }, tx),
      )
    const conclude = (job: ClaimedJob): Promise<unknown> =>
      plans.store.concludeJobs({ worker: plans.worker.worker, queue: BUSY, jobs: [job] })

    it('is found by its place', async () => {
      const looks = await inRounds(async () => {
        const job = await claimOne()
        return plans.explain(() => complete(job))
      })
      expect(looks).toEqual(always('place'))
    })

    it('is found through jobs_pkey where it lies no more', async () => {
      const looks = await inRounds(async () => {
        const job = moved(await claimOne())
        return plans.explain(() => complete(job))
      })
      expect(looks).toEqual(always('place', 'jobs_pkey'))
    })

    it('is followed up through completions_pkey, and what it had goes to others', async () => {
      const looks = await inRounds(async () => {
        const job = await claimOne()
        await complete(job)
        return plans.explain(() => conclude(job))
      })
      const heirs = ['serial_keys_pkey', 'jobs_serial', 'jobs_parked']
      expect(looks).toEqual(always('completions_pkey', 'place', ...heirs))
    })

    it('is looked for through jobs_pkey if it was not completed after all', async () => {
      const looks = await inRounds(async () => {
        const job = await claimOne()
        return plans.explain(() => conclude(job))
      })
      expect(looks).toEqual(always('completions_pkey', 'place', 'jobs_pkey'))
    })
  })
})
