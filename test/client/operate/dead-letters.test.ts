// Dead letters: what they died of, and bringing them back or forgetting them while the queue is being worked.
import type { Runner } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { settled, useJourney } from '../../journeys/journey.ts'
import { eventually } from '../../support/wait.ts'

const app = useJourney()

/** Lets these jobs die, each of the error that its payload says. */
async function bury(
  jobs: readonly { task?: string; error?: string; tags?: string[]; uniqueKey?: string }[],
): Promise<string[]> {
  const fail = (payload: unknown): void => {
    throw new Error(`PERMANENT: ${String(Reflect.get(Object(payload), 'error'))}`)
  }
  const runner = await app.run({ work: fail, other: fail })
  const dead = settled(runner, jobs.length)
  const added = await app.kong.addJobs(
    jobs.map(({ task = 'work', error = 'no', ...options }) => ({ task, payload: { error }, ...options })),
  )
  await dead
  await app.stopRunners()
  return added.map(({ id }) => id)
}

const many = (count: number, of: object = {}): object[] => Array.from({ length: count }, () => of)

async function counting(runs: Map<string, number>): Promise<Runner> {
  const count = (_: unknown, { job }: { job: { id: string } }): void =>
    void runs.set(job.id, (runs.get(job.id) ?? 0) + 1)
  return app.run({ work: count, other: count }, { pollInterval: '100ms' })
}

describe('the groups of dead letters', () => {
  it('are by task and by message without numbers, ids and quoted text, the most frequent first', async () => {
    const ids = await bury([
      { error: 'user 17 not found' },
      { error: 'user 4711 not found' },
      { error: 'can\'t open "/tmp/a": it doesn\'t exist' },
      { error: 'connect ECONNREFUSED 10.0.0.17:5432' },
      { error: 'connect ECONNREFUSED 127.0.0.1:80' },
      { error: 'user 3 not found' },
      { task: 'other', error: 'user 3 not found' },
      { error: 'order 5f0c2a7e-91b3-4c6d-8e2f-0a1b2c3d4e5f failed at 0xDEADbeef, commit 1ce1091f' },
      { error: "key 'a b' of token 4fQx81LkPz09aaBBcc is taken" },
    ])
    const { groups, scanned, complete } = await app.kong.deadLetters.groups()
    expect(groups.map(({ task, error, count }) => [task, error, count])).toEqual([
      ['work', 'PERMANENT: user <n> not found', 3],
      ['work', 'PERMANENT: connect ECONNREFUSED <n>', 2],
      ...[
        ['work', "PERMANENT: can't open <text>: it doesn't exist", 1],
        ['other', 'PERMANENT: user <n> not found', 1],
        ['work', 'PERMANENT: order <uuid> failed at <hex>, commit <hex>', 1],
        ['work', 'PERMANENT: key <text> of token <id> is taken', 1],
      ].toSorted(
        (a, b) =>
          groups.findIndex(({ error, task }) => error === a[1] && task === a[0]) -
          groups.findIndex(({ error, task }) => error === b[1] && task === b[0]),
      ),
    ])
    expect(groups[0]).toMatchObject({ example: ids[5], message: 'PERMANENT: user 3 not found' })
    expect(groups[0]?.firstAt.getTime()).toBeLessThanOrEqual(groups[0]?.lastAt.getTime() ?? 0)
    expect({ scanned, complete }).toEqual({ scanned: 9, complete: true })
  })

  it('are told apart by a filter, and name what a filter then finds', async () => {
    await bury([{ error: 'a 1' }, { error: 'a 2', tags: ['t'] }, { error: 'b 1', tags: ['t'] }])
    expect((await app.kong.deadLetters.groups({ tag: 't' })).groups).toHaveLength(2)
    const { groups } = await app.kong.deadLetters.groups()
    for (const { task, error, count } of groups) {
      expect((await app.kong.deadLetters.list({ task, error })).jobs).toHaveLength(count)
    }
  })

  it('have a pattern that is its own pattern', async () => {
    for (const message of [
      'x 12.5 "q" 0xff',
      "it's 'so' 4fQx81LkPz09aaBBcc",
      'plain',
      '10:20:30,5 a1b2c3d4',
    ]) {
      const [row] = await app.query(
        'select kongtask.error_pattern($1) as once, kongtask.error_pattern(kongtask.error_pattern($1)) as twice',
        [message],
      )
      expect(row?.['twice']).toBe(row?.['once'])
    }
  })
})

describe('a list of dead letters', () => {
  it('has none that live, and none that were completed', async () => {
    const ids = await bury(many(5))
    await app.kong.addJob('work', {}, { scheduledIn: '1h' })
    const { jobs, next } = await app.kong.deadLetters.list({}, { limit: 5 })
    expect(jobs.map(({ id }) => id)).toEqual(ids.toReversed())
    expect(next).toBeUndefined()
  })
})

describe('redriving', () => {
  it('one: it is as ready as new, with its errors', async () => {
    const [id = ''] = await bury([{ error: 'x' }])
    expect(await app.kong.deadLetters.redrive(id)).toMatchObject({
      id,
      state: 'ready',
      attempt: 0,
      errors: [{ attempt: 1, message: 'PERMANENT: x' }],
    })
  })

  it('what is no dead letter is refused, be it live or nothing', async () => {
    const { id } = await app.kong.addJob('work', {}, { scheduledIn: '1h' })
    await expect(app.kong.deadLetters.redrive(id)).rejects.toMatchObject({ code: 'KT_JOB_NOT_FOUND' })
    await expect(app.kong.deadLetters.purge(id)).rejects.toMatchObject({ code: 'KT_JOB_NOT_FOUND' })
    await expect(app.kong.deadLetters.redrive('987654321')).rejects.toMatchObject({
      code: 'KT_JOB_NOT_FOUND',
    })
    expect(await app.states()).toEqual({ scheduled: 1 })
  })

  it('all that fit while the queue is being worked: each runs once, the others stay dead', async () => {
    const ids = await bury([
      ...many(800, { error: 'disk full', tags: ['a'] }),
      ...many(200, { error: 'other' }),
    ])
    const runs = new Map<string, number>()
    await counting(runs)
    await app.kong.addJobs(Array.from({ length: 500 }, () => ({ task: 'other' })))
    const { groups } = await app.kong.deadLetters.groups()
    const [worst] = groups
    const filter = { task: worst?.task, error: worst?.error }
    expect(await app.kong.deadLetters.redrive(filter, { dryRun: true })).toMatchObject({
      matched: 800,
      changed: 0,
    })
    // Two operators with the same idea.
    const two = await Promise.all([
      app.kong.deadLetters.redrive(filter),
      app.kong.deadLetters.redrive(filter),
    ])
    expect(two[0].changed + two[1].changed).toBe(800)
    await eventually(async () => expect(await app.states()).toEqual({ completed: 1_300, dead: 200 }), {
      within: 25_000,
    })
    expect([...runs.values()].filter((n) => n !== 1)).toEqual([])
    expect(ids.slice(0, 800).filter((id) => !runs.has(id))).toEqual([])
  })

  it('all: those whose unique key is taken by now stay, and are counted', async () => {
    await bury([{ uniqueKey: 'a' }, { uniqueKey: 'b' }, {}])
    await app.kong.addJob('work', {}, { uniqueKey: 'b', scheduledIn: '1h' })
    expect(await app.kong.deadLetters.redrive({})).toMatchObject({
      matched: 3,
      changed: 2,
      conflicts: 1,
      skipped: 0,
    })
    expect(await app.states()).toEqual({ ready: 2, dead: 1, scheduled: 1 })
  })

  it('all, while somebody is adding under the key of one: that one stays until it is asked again', async () => {
    const [held] = await bury([{ uniqueKey: 'adding' }, { uniqueKey: 'free' }, {}])
    const client = await app.database.pool.connect()
    await client.query('begin')
    await app.kong.with(client).addJob('work', {}, { uniqueKey: 'adding' })
    const redriven = await app.kong.deadLetters.redrive({})
    await client.query('rollback')
    client.release()
    expect(redriven).toMatchObject({ matched: 3, changed: 2, conflicts: 0, skipped: 1 })
    expect((await app.kong.deadLetters.list()).jobs.map(({ id }) => id)).toEqual([held])
    expect(await app.kong.deadLetters.redrive({})).toMatchObject({ matched: 1, changed: 1 })
  })

  it('at a rate brings back no more than that', async () => {
    await bury(many(60))
    const started = performance.now()
    const times: number[] = []
    await app.kong.deadLetters.redrive(
      {},
      {
        rate: '40/s',
        onBatch: ({ changed }) => void times.push(changed / ((performance.now() - started) / 1_000)),
      },
    )
    // 60 at 40 a second: the last of them not before a second and a quarter.
    expect(performance.now() - started).toBeGreaterThan(1_200)
    expect(times.length).toBeGreaterThan(3)
    // One batch ahead of the rate at the most.
    expect(times.slice(2).filter((perSecond) => perSecond > 80)).toEqual([])
    expect(await app.states()).toEqual({ ready: 60 })
  })

  it.each([0, -1, 'fast', '5/d', Number.NaN, '0/s'])('refuses the rate %s', async (rate) => {
    await expect(app.kong.deadLetters.redrive({}, { rate })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
    })
  })
})

describe('purging', () => {
  it('one forgets it, and returns it as it was', async () => {
    const [id = ''] = await bury([{ error: 'x' }])
    expect(await app.kong.deadLetters.purge(id)).toMatchObject({ id, state: 'dead' })
    expect(await app.kong.jobs.get(id)).toBeUndefined()
  })

  it('those that are older than an age, by the time of their death', async () => {
    const ids = await bury(many(4))
    await app.query(
      `update kongtask.dead_letters set finished_at = now() - interval '8 days' where id = any ($1)`,
      [ids.slice(0, 3)],
    )
    expect(await app.kong.deadLetters.purge({}, { olderThan: '7d', dryRun: true })).toMatchObject({
      matched: 3,
      changed: 0,
    })
    expect(await app.kong.deadLetters.purge({}, { olderThan: '7d' })).toMatchObject({
      matched: 3,
      changed: 3,
    })
    expect((await app.kong.deadLetters.list()).jobs.map(({ id }) => id)).toEqual(ids.slice(3))
  })

  it('and redriving the same ones at once: each is either forgotten or runs once', async () => {
    await bury(many(400, { tags: ['t'] }))
    const runs = new Map<string, number>()
    await counting(runs)
    const [purged, redriven] = await Promise.all([
      app.kong.deadLetters.purge({ tag: 't' }),
      app.kong.deadLetters.redrive({ tag: 't' }, { rate: 2_000 }),
    ])
    expect(purged.changed + redriven.changed).toBe(400)
    await eventually(async () =>
      expect(await app.states()).toEqual(redriven.changed === 0 ? {} : { completed: redriven.changed }),
    )
    expect([...runs.values()].filter((n) => n !== 1)).toEqual([])
  })

  it('without a filter and without an age is refused', async () => {
    await expect(app.kong.deadLetters.purge({})).rejects.toMatchObject({ code: 'KT_OPTION_INVALID' })
  })
})
