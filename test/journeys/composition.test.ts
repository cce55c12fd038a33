import { newJob } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { settled, useJourney } from './journey.ts'

const app = useJourney()

describe('jobs that a handler adds', () => {
  it('know their parent, and the first of them all, in whatever way they were added', async () => {
    const runner = await app.run({
      first: async (_, { addJob }) => void (await addJob('second')),
      second: async (_, { addJobs, with: on, withTransaction }) => {
        await addJobs([{ task: 'leaf', payload: 'list' }])
        await addJobs(
          (async function* stream() {
            yield newJob('leaf', 'stream')
          })(),
        )
        await withTransaction((tx) => on(tx).addJob('leaf', 'transaction', { metadata: { shop: 7 } }))
      },
      leaf: (_, { job }) => [job.parentId, job.rootId],
    })
    const done = settled(runner, 5)
    const { id } = await app.kong.addJob('first')
    const jobs = await Promise.all((await done).map(({ job }) => app.job(job.id)))
    const [first] = jobs.filter(({ task }) => task === 'first')
    const [second] = jobs.filter(({ task }) => task === 'second')
    expect(first).toMatchObject({ id, parentId: undefined, rootId: id })
    expect(second).toMatchObject({ parentId: id, rootId: id })
    const leaves = jobs.filter(({ task }) => task === 'leaf')
    expect(leaves.map(({ payload }) => String(payload)).toSorted()).toEqual(['list', 'stream', 'transaction'])
    for (const leaf of leaves) {
      expect(leaf).toMatchObject({ parentId: second?.id, rootId: id, result: [second?.id, id] })
    }
    const [inTransaction] = leaves.filter(({ payload }) => payload === 'transaction')
    expect(inTransaction?.metadata).toEqual({ shop: 7 })
  })

  it('at the same time each know their own parent', async () => {
    const runner = await app.run({
      parent: async (_, { addJob }) => void (await addJob('child')),
      child: () => undefined,
    })
    const done = settled(runner, 40)
    await app.kong.addJobs(Array.from({ length: 20 }, () => ({ task: 'parent' })))
    const jobs = await Promise.all((await done).map(({ job }) => app.job(job.id)))
    const idsOf = (task: string): string[] => jobs.filter((job) => job.task === task).map(({ id }) => id)
    const parents = jobs.filter(({ task }) => task === 'child').map(({ parentId }) => String(parentId))
    expect(parents.toSorted()).toEqual(idsOf('parent').toSorted())
  })

  it('keep their parent as dead letters, and when they are brought back', async () => {
    const runner = await app.run({
      parent: async (_, { addJob }) => void (await addJob('child', {}, { maxAttempts: 1 })),
      child: () => {
        throw new Error('no')
      },
    })
    const done = settled(runner, 2)
    const { id } = await app.kong.addJob('parent')
    const child = (await done).find(({ job }) => job.task === 'child')?.job.id ?? ''
    expect(await app.job(child)).toMatchObject({ state: 'dead', parentId: id, rootId: id })
    await runner.stop()
    await app.kong.deadLetters.redrive(child)
    expect(await app.job(child)).toMatchObject({ state: 'ready', parentId: id, rootId: id })
  })
})

describe('what nobody may claim to be', () => {
  it.each(['parentId', 'rootId', 'parent'])('somebody’s child, by the option %s', async (option) => {
    const options = { [option]: '1' }
    await expect(Reflect.apply(app.kong.addJob, undefined, ['work', {}, options])).rejects.toMatchObject({
      code: 'KT_OPTION_UNKNOWN',
    })
    await expect(app.query('select kongtask.add_job($1, $2, $3)', ['work', {}, options])).rejects.toThrow(
      'KT_OPTION_UNKNOWN',
    )
  })
})
