// How PostgreSQL goes about the life of a worker, whatever its statistics say: heartbeats, rescue, and the question whether
// there is something to do.
import { beforeAll, describe, expect, it } from 'vitest'
import type { FixtureJob } from '../../store/fixture.ts'
import { statistics } from './crowd.ts'
import { always, inRounds, ROUNDS, usePlans } from './fixture.ts'

const plans = usePlans()

/** With a key and a limit, which it keeps when it is given back. */
const keyed = (): FixtureJob => ({ serialKey: plans.key(), concurrency: { limit: 1, key: plans.key() } })

describe.each(statistics)('with statistics $when', ({ prepare }) => {
  beforeAll(() => plans.inSession(prepare))

  it('a heartbeat finds its claims and messages through claims_pkey and messages_pkey', async () => {
    const looks = await inRounds(() => plans.explain(() => plans.beat()))
    expect(looks).toEqual(always('claims_pkey', 'messages_pkey'))
  })

  it('a heartbeat gives jobs back through jobs_pkey and by place', async () => {
    const looks = await inRounds(async () => {
      await plans.add(keyed())
      await plans.claim(20)
      return plans.explain(() => plans.beat())
    })
    expect(looks).toEqual(always('claims_pkey', 'messages_pkey', 'jobs_pkey', 'place'))
  })

  it('a worker that ends gives jobs back through jobs_pkey and by place', async () => {
    const looks = await inRounds(async () => {
      await plans.register()
      await plans.add(keyed())
      await plans.claim(20)
      return plans.explain(() => plans.store.unregisterWorker(plans.worker))
    })
    expect(looks).toEqual(always('claims_pkey', 'messages_pkey', 'jobs_pkey', 'place'))
  })

  it('the jobs of a crashed worker go back through claims_pkey, jobs_pkey and by place', async () => {
    const looks = await inRounds(async () => {
      await plans.register()
      await plans.add(keyed())
      await plans.claim(20)
      await plans.session.query(
        `update kongtask.workers set expires_at = now() - interval '1 s' where id = $1`,
        [plans.worker.worker],
      )
      return plans.explain(async () => {
        expect(await plans.store.rescueWorkers()).toEqual({ workers: 1, jobs: 20 })
      })
    })
    expect(looks).toEqual(always('claims_pkey', 'messages_pkey', 'jobs_pkey', 'place'))
  })

  it('whether there are chores is seen in the first entries of jobs_parked and completions_pkey', async () => {
    for (let n = 1; n <= ROUNDS; n++) {
      const scans = await plans.session.scans((store) => store.findChores())
      const growing = scans.filter(({ table }) => table === 'jobs' || table === 'completions')
      expect(growing, `round ${n}`).toEqual([
        { table: 'completions', how: 'Index Only Scan using completions_pkey', rows: 1 },
        { table: 'jobs', how: 'Index Only Scan using jobs_parked', rows: 1 },
      ])
    }
  })
})
