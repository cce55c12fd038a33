import { describe, expect, it } from 'vitest'
import { settled, useJourney } from './journey.ts'

const app = useJourney()
const sorted = (seen: readonly unknown[]): string[] => seen.map(String).toSorted()

/** Runs until so many jobs have ended; answers whose payloads were seen, in the order of adding. */
async function seenBy(
  count: number,
  forbiddenFlags: readonly string[] | (() => readonly string[] | Promise<readonly string[]>) | undefined,
): Promise<unknown[]> {
  const seen: unknown[] = []
  const runner = await app.run({ work: (payload) => void seen.push(payload) }, { forbiddenFlags })
  await settled(runner, count)
  await runner.stop()
  return sorted(seen)
}

async function addAll(): Promise<void> {
  await app.kong.addJobs([
    { task: 'work', payload: 'plain' },
    { task: 'work', payload: 'gpu', flags: ['gpu'] },
    { task: 'work', payload: 'eu', flags: ['eu'] },
    { task: 'work', payload: 'gpu and eu', flags: ['eu', 'gpu'] },
    // Only whole flags count.
    { task: 'work', payload: 'gpus', flags: ['gpus'] },
  ])
}

describe('forbidden flags', () => {
  it('leave jobs that bear one of them to another runner', async () => {
    await addAll()
    expect(await seenBy(3, ['gpu', 'never'])).toEqual(['eu', 'gpus', 'plain'])
    expect(await app.states()).toEqual({ ready: 2, completed: 3 })
    expect(await seenBy(1, ['eu'])).toEqual(['gpu'])
    expect(await seenBy(1, undefined)).toEqual(['gpu and eu'])
  })

  it('may be a function, asked again before each claim', async () => {
    await addAll()
    let asked = 0
    let forbidden = ['gpu', 'eu']
    const seen: unknown[] = []
    const runner = await app.run(
      { work: (payload) => void seen.push(payload) },
      {
        forbiddenFlags: async () => {
          asked++
          return forbidden
        },
      },
    )
    await settled(runner, 2)
    expect(sorted(seen)).toEqual(['gpus', 'plain'])
    forbidden = []
    // Nothing tells a runner that the answer has changed; the next claim asks.
    const rest = settled(runner, 4)
    await app.kong.addJob('work', 'later', { flags: ['gpu'] })
    await rest
    expect(sorted(seen)).toEqual(['eu', 'gpu', 'gpu and eu', 'gpus', 'later', 'plain'])
    expect(asked).toBeGreaterThan(1)
  })

  it('hold up none of the jobs behind them, however many there are', async () => {
    await app.kong.addJobs(
      Array.from({ length: 3_000 }, () => ({ task: 'work', payload: 'gpu', flags: ['gpu'], priority: 0 })),
    )
    await app.kong.addJob('work', 'plain')
    expect(await seenBy(1, ['gpu'])).toEqual(['plain'])
  })

  it('of a default are those of each job, unless it has its own', async () => {
    await app.query(`insert into kongtask.tasks (name, defaults) values ('work', '{"flags": ["gpu"]}')`)
    await app.kong.addJobs([
      { task: 'work', payload: 'default' },
      { task: 'work', payload: 'own', flags: [] },
    ])
    expect(await seenBy(1, ['gpu'])).toEqual(['own'])
  })
})
