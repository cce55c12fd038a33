import { runTaskList, runTaskListOnce, snooze, type TaskList, type TaskListOptions } from 'kongtask'
import { describe, expect, it } from 'vitest'
import { deferred } from '../support/wait.ts'
import { silent } from './journey-logger.ts'
import { settled, useJourney } from './journey.ts'

const app = useJourney()

const options = (more: Partial<TaskListOptions> = {}): TaskListOptions => ({
  pool: app.database.pool,
  logger: silent,
  pollInterval: '1h',
  migrate: false,
  ...more,
})
const workOff = (tasks: TaskList, more: Partial<TaskListOptions> = {}): Promise<void> =>
  runTaskListOnce(tasks, options(more))

describe('runTaskListOnce', () => {
  it('resolves at once where there is nothing', async () => {
    await workOff({ work: () => undefined })
    await workOff({ work: () => undefined }, { queues: { a: 1, b: 1 } })
    expect(await app.query('select id from kongtask.workers')).toEqual([])
  })

  it('runs all that is ready, more than it has slots for', async () => {
    await app.kong.addJobs(Array.from({ length: 300 }, () => ({ task: 'work' })))
    let running = 0
    let most = 0
    await workOff(
      {
        work: async () => {
          running += 1
          most = Math.max(most, running)
          await Promise.resolve()
          running -= 1
        },
      },
      { concurrency: 3 },
    )
    expect(await app.states()).toEqual({ completed: 300 })
    expect(most).toBe(3)
  })

  it('runs what its handlers add, in whatever queue', async () => {
    await app.kong.addJob('grow', 5)
    await workOff({
      grow: async (depth: number, { addJob, addJobs }) => {
        if (depth === 0) return
        await addJob('grow', depth - 1, { queue: `depth-${depth}` })
        await addJobs([{ task: 'leaf' }, { task: 'leaf' }])
      },
      leaf: () => undefined,
    })
    expect(await app.states()).toEqual({ completed: 6 + 10 })
  })

  it('waits for no scheduled job, be it added, snoozed or to be retried', async () => {
    await app.kong.addJobs([
      { task: 'later', scheduledIn: '1h' },
      { task: 'snooze' },
      { task: 'fail' },
      { task: 'fine' },
    ])
    await workOff({
      later: () => undefined,
      snooze: () => snooze('1h'),
      fail: () => {
        throw new Error('no')
      },
      fine: () => undefined,
    })
    expect(await app.states()).toEqual({ completed: 1, scheduled: 3 })
  })

  it('does not reject because a job failed or died', async () => {
    await app.kong.addJob('fail', {}, { maxAttempts: 1 })
    const fail = (): never => {
      throw new Error('no')
    }
    await expect(workOff({ fail })).resolves.toBeUndefined()
    expect(await app.states()).toEqual({ dead: 1 })
  })

  it('leaves tasks that it does not know', async () => {
    await app.kong.addJobs([{ task: 'known' }, { task: 'unknown' }])
    await workOff({ known: () => undefined })
    expect(await app.states()).toEqual({ completed: 1, ready: 1 })
  })

  it('leaves other queues', async () => {
    await app.kong.addJobs([
      { task: 'work', queue: 'a' },
      { task: 'work', queue: 'b' },
    ])
    await workOff({ work: () => undefined }, { queues: { a: 5 } })
    expect(await app.states()).toEqual({ completed: 1, ready: 1 })
  })

  it('rejects where an option is wrong', async () => {
    await expect(workOff({ work: () => undefined }, { concurrency: 0 })).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
    })
  })

  it('ends early when its signal aborts', async () => {
    const controller = new AbortController()
    const started = deferred()
    await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
    const done = workOff(
      {
        work: async (_, { signal }) => {
          started.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          throw signal.reason
        },
      },
      { concurrency: 1, gracePeriod: 0, signal: controller.signal },
    )
    await started.promise
    controller.abort()
    await done
    expect(await app.states()).toEqual({ ready: 2 })
  })
})

describe('runTaskList', () => {
  it('works until it is released', async () => {
    const pool = await runTaskList({ work: () => undefined }, options({ concurrency: 4 }))
    const done = settled(pool, 2)
    await app.kong.addJobs([{ task: 'work' }, { task: 'work' }])
    await done
    let waited = false
    const waiting = pool.wait().then(() => (waited = true))
    expect(waited).toBe(false)
    await pool.release()
    await waiting
    expect(await app.query('select id from kongtask.workers')).toEqual([])
  })
})
