// That the tests of plans would see what is wrong: a plan is never wrong in them, so here are some that are.
import { beforeAll, describe, expect, it } from 'vitest'
import { statistics } from './crowd.ts'
import { usePlans } from './fixture.ts'
import { sins, TABLES, ways, written } from './ways.ts'

const plans = usePlans()

describe('the eye of these tests', () => {
  beforeAll(async () => {
    const full = statistics.at(-1)
    if (full !== undefined) await plans.inSession(full.prepare)
  })

  const dear = `create function pg_temp.dear() returns int4 language plpgsql cost 1000000000 as 'begin return 1; end'`
  const noWalk = 'set enable_seqscan = off'
  const noBitmap = 'set enable_bitmapscan = off'

  it.each<readonly [string, readonly string[], string]>([
    ['select from kongtask.jobs', [], 'jobs by Seq Scan of no index with no condition'],
    ['select from kongtask.jobs', [], '48000 rows of jobs by Seq Scan'],
    ['select from kongtask.jobs order by payload', [], 'a Sort above jobs'],
    ['select from kongtask.jobs a join kongtask.jobs b using (id)', [], 'a Hash Join above jobs'],
    [
      'select from kongtask.jobs where queue_id = 1 and serial_key is not null',
      [noWalk, noBitmap],
      'jobs by Index ',
    ],
    [
      `select from kongtask.jobs where queue_id = 1 and serial_key = 'held 7'`,
      [noWalk, 'set enable_indexscan = off', 'set enable_indexonlyscan = off'],
      'jobs by Bitmap Heap Scan',
    ],
    [
      `select from kongtask.serial_keys where key = 'a'`,
      [noWalk, noBitmap],
      'serial_keys by Index Only Scan of serial_keys_pkey with (key =',
    ],
    [
      'select from kongtask.claims where queue_id = 1',
      [noWalk],
      'claims by Bitmap Index Scan of claims_pkey with (queue_id =',
    ],
    ['select from kongtask.history', [], 'by Seq Scan'],
    ['select pg_temp.dear()', [dear], 'compiled'],
  ])('sees what is wrong with %s', async (text, before, sin) => {
    for (const statement of before) await plans.session.query(statement)
    const seen = await plans.explain(() => plans.session.query(text))
    expect(seen.flatMap((plan) => sins(plan))).toContainEqual(expect.stringContaining(sin))
  })

  it.each(TABLES)('sees that all of %s is read', async (table) => {
    const seen = await plans.explain(() => plans.session.query(`select from kongtask.${table} offset 10`))
    expect(seen.flatMap((plan) => sins(plan))).toContainEqual(expect.stringContaining(`${table} by Seq Scan`))
    expect(ways(seen)).toEqual(new Set([`Seq Scan of ${table}`]))
  })

  it('sees where a plan writes', async () => {
    const seen = await plans.explain(() => plans.session.query('delete from kongtask.steps where job_id = 7'))
    expect([written(seen), ways(seen)]).toEqual([new Set(['steps']), new Set(['steps_pkey'])])
  })

  it('is content with the good', async () => {
    await plans.session.query(noWalk)
    await plans.session.query(noBitmap)
    await plans.session.query(dear)
    const good = async (): Promise<void> => {
      await plans.session.query('select from kongtask.jobs where queue_id = 1 and id = 7')
      await plans.session.query(`select from kongtask.jobs where ctid = '(0,1)'`)
      await plans.session.query('select from kongtask.workers')
      await plans.session.query('set jit = off')
      await plans.session.query('select pg_temp.dear()')
    }
    const seen = await plans.explain(good)
    expect(seen).toHaveLength(4)
    expect(seen.flatMap((plan) => sins(plan))).toEqual([])
    expect(ways(seen)).toEqual(new Set(['jobs_pkey', 'place']))
  })
})
