// How PostgreSQL goes about adding jobs, whatever its statistics say.
import { beforeAll, describe, expect, it } from 'vitest'
import type { FixtureJob } from '../../store/fixture.ts'
import type { Explained } from '../explained.ts'
import { CROWDED_KEY, statistics } from './crowd.ts'
import { always, inRounds, usePlans } from './fixture.ts'
import { written } from './ways.ts'

const plans = usePlans()

const twenty = (job: (n: number) => FixtureJob): FixtureJob[] => Array.from({ length: 20 }, (_, n) => job(n))

describe.each(statistics)('with statistics $when', ({ prepare }) => {
  beforeAll(() => plans.inSession(prepare))

  it.each<readonly [string, readonly FixtureJob[]]>([
    ['a job', [{}]],
    ['a job for later', [{ scheduledIn: 60_000 }]],
    ['a bulk of jobs', twenty(() => ({}))],
    ['a bulk of many kinds', twenty((n) => ({ maxAttempts: n + 1 }))],
  ])('%s is added without a look at anything that grows', async (_, jobs) => {
    const looks = await inRounds(async () => {
      const seen = await plans.explain(() => plans.add(...jobs))
      expect(written(seen)).toContain('jobs')
      return seen
    })
    expect(looks).toEqual(always())
  })

  it('unique keys that are free are taken without a look at anything that grows', async () => {
    const looks = await inRounds(async () => {
      const jobs = twenty(() => ({ uniqueKey: plans.key() }))
      const seen = await plans.explain(() => plans.add(...jobs))
      expect([...written(seen)]).toEqual(expect.arrayContaining(['unique_keys', 'jobs']))
      return seen
    })
    expect(looks).toEqual(always())
  })

  it.each(['skip', 'replace', 'keep_schedule'] as const)(
    'who has a unique key is found through unique_keys_pkey, and its job through jobs_pkey: %s',
    async (onConflict) => {
      const looks = await inRounds(async () => {
        const job = { uniqueKey: plans.key(), scheduledIn: 60_000, onConflict }
        await plans.add(job)
        return plans.explain(async () => {
          const [added] = await plans.add(job)
          expect(added?.status).toBe(onConflict === 'skip' ? 'skipped' : 'replaced')
        })
      })
      const records = onConflict === 'skip' ? [] : ['steps_pkey', 'progress_pkey']
      expect(looks).toEqual(always('unique_keys_pkey', 'jobs_pkey', 'place', ...records))
    },
  )

  it('what is left of a unique key is found through unique_keys_pkey', async () => {
    const round = async (): Promise<readonly Explained[]> => {
      const uniqueKey = plans.key()
      await plans.session.query(
        'insert into kongtask.unique_keys (task_id, key, job_id, queue_id) values (1, $1, -1, 1)',
        [uniqueKey],
      )
      return plans.explain(() => plans.add({ uniqueKey }))
    }
    expect(await inRounds(round, ['unique_keys'])).toEqual(always('unique_keys_pkey'))
  })

  it('jobs are added under serial keys, free or not, through serial_keys_pkey', async () => {
    const looks = await inRounds(async () => {
      const [free, held] = [{ serialKey: plans.key() }, { serialKey: plans.key() }]
      await plans.add(held)
      await plans.claim(1)
      return plans.explain(() => plans.add(free, free, held))
    })
    expect(looks).toEqual(always('serial_keys_pkey'))
  })

  it.each(['tested', CROWDED_KEY])(
    'how many are parked behind a gate is seen in jobs_parked: %s',
    async (key) => {
      const limited = { concurrency: { limit: 1, key }, rateLimit: { limit: 1, per: 60_000, key } }
      const looks = await inRounds(() => plans.explain(() => plans.add(limited, limited)))
      expect(looks).toEqual(always('jobs_parked'))
    },
  )
})
