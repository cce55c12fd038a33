import { describe, expect, it } from 'vitest'
import { deferred, eventually } from '../support/wait.ts'
import { once, settled, useJourney } from './journey.ts'

const app = useJourney()

/** What was written, in that order. */
const written = (): Promise<readonly unknown[]> => app.query('select n from written order by id')

describe('progress', () => {
  it('is readable by others while the job runs, and behind its end', async () => {
    const end = deferred()
    const runner = await app.run({
      work: async (_, { progress }) => {
        progress(1, 3, 'one of them')
        await end.promise
        progress(3, 3)
      },
    })
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    const before = await app.job(id)
    expect(before.progress?.done ?? 1).toBe(1)
    await eventually(async () => {
      expect((await app.job(id)).progress).toEqual({
        done: 1,
        total: 3,
        note: 'one of them',
        at: expect.any(Date),
      })
    })
    end.resolve()
    await done
    await eventually(async () => {
      expect(await app.job(id)).toMatchObject({
        state: 'completed',
        progress: { done: 3, total: 3, note: undefined },
      })
    })
  })

  it('is written at once, then once a second at the most, and at the end, however often it is said', async () => {
    await app.query('create table written (id serial, n int)')
    await app.query(`create function note_write() returns trigger language plpgsql as
      $$ begin insert into public.written (n) values (new.done); return new; end $$`)
    await app.query(
      `create trigger note_write after insert or update on kongtask.progress for each row execute function note_write()`,
    )
    const end = deferred()
    const runner = await app.run({
      work: async (_, { progress }) => {
        progress(1, 1_000)
        await eventually(async () => expect(await written()).toHaveLength(1))
        for (let n = 2; n < 1_000; n++) progress(n, 1_000)
        await end.promise
        progress(1_000, 1_000)
      },
    })
    const done = settled(runner, 1)
    await app.kong.addJob('work')
    await eventually(async () => expect(await written()).toHaveLength(2))
    end.resolve()
    await done
    await runner.stop()
    expect(await written()).toEqual([{ n: 1 }, { n: 999 }, { n: 1_000 }])
    await app.query('drop trigger note_write on kongtask.progress')
  })

  it('of many jobs goes in one statement', async () => {
    const all = deferred()
    let saying = 0
    const runner = await app.run(
      {
        work: async (payload, { progress }) => {
          saying += 1
          if (saying === 50) all.resolve()
          await all.promise
          progress(Number(payload), 50)
        },
      },
      { concurrency: 50 },
    )
    const done = settled(runner, 50)
    await app.kong.addJobs(Array.from({ length: 50 }, (_, payload) => ({ task: 'work', payload })))
    await done
    await runner.stop()
    const [row] = await app.query(
      'select count(*)::int as jobs, count(distinct xmin::text)::int as statements from kongtask.progress',
    )
    expect(row?.['jobs']).toBe(50)
    expect(Number(row?.['statements'])).toBeLessThan(10)
  })

  it('that the database cannot take fails no job', async () => {
    await app.query('alter table kongtask.progress add constraint full_disk check (false) not valid')
    const runner = await app.run({
      work: (_, { progress }) => {
        progress(1, 2)
        progress(Number.NaN, Infinity)
      },
    })
    const weather = once(runner, 'worker.weather', ({ doing }) => doing.includes('progress'))
    const done = settled(runner, 1)
    const { id } = await app.kong.addJob('work')
    expect(await done).toMatchObject([{ job: { id }, settlement: { kind: 'completed' } }])
    await weather
    await runner.stop()
    await app.query('alter table kongtask.progress drop constraint full_disk')
  })

  it('of a process that has lost its job to another is passed over', async () => {
    const runner = await app.run({
      work: async (_, { progress }) => {
        await app.query('update kongtask.jobs set worker = 4711, claim = 1')
        progress(1, 2)
      },
    })
    const lost = once(runner, 'job.lost')
    const { id } = await app.kong.addJob('work')
    await lost
    await runner.stop()
    expect((await app.job(id)).progress).toBeUndefined()
  })
})
