// docs/guide/pitfalls.md: what the bad versions do, and what the good ones do instead.
import { open, type FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { TaskFunction } from 'kongtask'
import { Pool, type PoolClient } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { settled, useJourney } from '../../journeys/journey.ts'
import { deferred } from '../../support/wait.ts'
import { guidePage, workOff } from './guide-page.ts'

const app = useJourney()
const page = () => guidePage('pitfalls')

beforeAll(() => app.query('create table sizes (bytes int)'))

describe('ignoring the signal', () => {
  type Loop = (doWork: (n: number) => Promise<void>) => TaskFunction

  /** How much a loop works when its job is cancelled during the third of a hundred pieces. */
  const workedBy = async (loop: Loop): Promise<number> => {
    const added = deferred<string>()
    let worked = 0
    let signal: AbortSignal | undefined
    const task = loop(async () => {
      worked += 1
      if (worked !== 3 || signal === undefined) return
      const { aborted } = signal
      const abort = new Promise((resolve) => signal?.addEventListener('abort', resolve))
      await app.kong.jobs.cancel(await added.promise)
      if (!aborted) await abort
    })
    const runner = await app.run(
      { loop: task },
      {
        middleware: [
          (context, next) => {
            signal = context.signal
            return next()
          },
        ],
      },
    )
    const done = settled(runner, 1)
    added.resolve((await app.kong.addJob('loop', { count: 100 })).id)
    await done
    await runner.stop()
    return worked
  }

  it('goes on to the end in the bad version, and ends with the piece at hand in the good one', async () => {
    const { badLoop, goodLoop } = await (await page()).load<{ badLoop: Loop; goodLoop: Loop }>('ignoring.ts')
    expect(await workedBy(badLoop)).toBe(100)
    expect(await workedBy(goodLoop)).toBe(3)
  })
})

describe('errors that say nothing', () => {
  type WithSteps = (steps: { one(): Promise<void>; two(): Promise<void> }) => TaskFunction

  const fine = (): Promise<void> => Promise.resolve()
  const broken = (): Promise<void> =>
    Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
  /** What is stored of a failure of the first step, and of the second. */
  const stored = async (make: WithSteps): Promise<object[]> => {
    const errors: object[] = []
    for (const steps of [
      { one: broken, two: fine },
      { one: fine, two: broken },
    ]) {
      const { id } = await app.kong.addJob('steps', {}, { maxAttempts: 1 })
      await workOff(app, { steps: make(steps) })
      const [error] = (await app.job(id)).errors
      errors.push({ message: error?.message, cause: error?.cause?.code })
    }
    return errors
  }

  it('leave where or what open in the bad version, and have both in the good one', async () => {
    const { badErrors, goodErrors } = await (
      await page()
    ).load<{ badErrors: WithSteps; goodErrors: WithSteps }>('saying-nothing.ts')
    expect(await stored(badErrors)).toEqual([
      { message: 'connect ECONNREFUSED', cause: undefined },
      { message: 'Something went wrong', cause: undefined },
    ])
    expect(await stored(goodErrors)).toEqual([
      { message: 'step one failed', cause: 'ECONNREFUSED' },
      { message: 'step two failed', cause: 'ECONNREFUSED' },
    ])
  })
})

describe('leaks', () => {
  type WithFile = (open: (path: string) => Promise<FileHandle>) => TaskFunction

  /** Connections and files that are still open when two jobs are over, one of which has failed. */
  const leakedBy = async (make: WithFile): Promise<{ connections: number; files: number }> => {
    const pool = new Pool({ connectionString: app.database.connectionString })
    const taken = new Set<PoolClient>()
    pool.on('acquire', (client) => taken.add(client))
    pool.on('release', (_error, client) => taken.delete(client))
    const files: FileHandle[] = []
    const task = make(async (path) => {
      const file = await open(path)
      files.push(file)
      return file
    })
    const path = fileURLToPath(import.meta.url)
    await app.query('alter table sizes add constraint small check (bytes is null) not valid')
    await app.kong.addJob('measure', { path }, { maxAttempts: 1 })
    await workOff(app, { measure: task }, { pool })
    await app.query('alter table sizes drop constraint small')
    await app.kong.addJob('measure', { path }, { maxAttempts: 1 })
    await workOff(app, { measure: task }, { pool })

    const left = files.filter(({ fd }) => fd >= 0)
    const leaked = { connections: taken.size, files: left.length }
    for (const file of left) await file.close()
    for (const client of taken) client.release()
    await pool.end()
    return leaked
  }

  it('keep a connection and a file of every job in the bad version, and nothing in the good one', async () => {
    const { badResources, goodResources } = await (
      await page()
    ).load<{
      badResources: WithFile
      goodResources: WithFile
    }>('leaking.ts')
    expect(await leakedBy(badResources)).toEqual({ connections: 2, files: 2 })
    expect(await leakedBy(goodResources)).toEqual({ connections: 0, files: 0 })
  })
})
