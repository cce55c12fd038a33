import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KongTaskError } from '../core/errors.ts'
import type { AddedJob, NewJob, NewJobOptions } from '../core/new-job.ts'
import { startTimer } from '../runtime/timer.ts'
import { Coalescer } from './coalescer.ts'

const DEADLINE = 10_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error(`${left} timers are left that nobody waits for`)
})

function job(name: string, options: NewJobOptions = {}): NewJob {
  return { task: name, payload: '{}', options, contract: true }
}

function sqlError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

interface Statement {
  readonly tasks: readonly string[]
  /** Milliseconds that it was given. */
  readonly deadline: number
  succeed(): Promise<void>
  fail(error: unknown): Promise<void>
}

/** Statements that the test answers itself, in whatever order, or that end at the deadline that they were given. */
class FakeStore {
  readonly statements: Statement[] = []

  readonly write = (jobs: readonly NewJob[], deadline: number): Promise<readonly AddedJob[]> =>
    new Promise((resolve, reject) => {
      const tasks = jobs.map(({ task }) => task)
      const late = new KongTaskError('KT_DEADLINE', `The database did not answer within ${deadline} ms.`)
      const timer = startTimer(deadline, () => reject(late))
      this.statements.push({
        tasks,
        deadline,
        succeed: async () => {
          timer.stop()
          resolve(tasks.map(answerTo))
          await settled()
        },
        fail: async (error) => {
          timer.stop()
          reject(error)
          await settled()
        },
      })
    })

  get sent(): readonly (readonly string[])[] {
    return this.statements.map(({ tasks }) => tasks)
  }

  nth(index: number): Statement {
    const statement = this.statements[index]
    if (statement === undefined) throw new Error(`statement ${index} was not sent`)
    return statement
  }
}

/** Everything that follows from what has just happened, has happened; no time passes. */
async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

function answerTo(task: string): AddedJob {
  return { id: `id of ${task}`, status: 'added' }
}

function over(store: { readonly write: FakeStore['write'] }, most = 4): Coalescer {
  return new Coalescer({ write: store.write, deadline: DEADLINE, most })
}

function addAll(coalescer: Coalescer, names: readonly string[]): Promise<PromiseSettledResult<AddedJob>[]> {
  return Promise.allSettled(names.map((name) => coalescer.add(job(name))))
}

describe('calls', () => {
  it('are sent at once, in the same breath, where nothing is under way', async () => {
    const store = new FakeStore()
    const coalescer = over(store)
    const first = coalescer.add(job('a'))
    expect(store.sent).toEqual([['a']])
    // The statement's own deadline, which ends a lone call; nobody waits whose patience could end.
    expect(vi.getTimerCount()).toBe(1)
    await store.nth(0).succeed()
    expect(await first).toEqual(answerTo('a'))
    const second = coalescer.add(job('b'))
    expect(store.sent).toEqual([['a'], ['b']])
    await store.nth(1).succeed()
    await second
  })

  it('that come while one is under way go together when it ends, each with its own answer', async () => {
    const store = new FakeStore()
    const answers = addAll(over(store), ['a', 'b', 'c', 'd'])
    expect(store.sent).toEqual([['a']])
    await store.nth(0).succeed()
    expect(store.sent).toEqual([['a'], ['b', 'c', 'd']])
    await store.nth(1).succeed()
    expect(await answers).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => ({ status: 'fulfilled', value: answerTo(name) })),
    )
  })

  it('go when it ends in failure, too', async () => {
    const store = new FakeStore()
    const answers = addAll(over(store), ['a', 'b'])
    await store.nth(0).fail(new Error('weather'))
    await store.nth(1).succeed()
    expect(await answers).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }])
  })

  it('with a unique key go alone and at once, whatever is under way', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 1)
    const answers = Promise.all([
      coalescer.add(job('a')),
      coalescer.add(job('b')),
      coalescer.add(job('c', { uniqueKey: 'k' })),
      coalescer.add(job('d', { uniqueFor: 1_000 })),
    ])
    expect(store.sent).toEqual([['a'], ['c'], ['d']])
    await store.nth(0).succeed()
    expect(store.sent).toEqual([['a'], ['c'], ['d'], ['b']])
    for (const statement of store.statements) await statement.succeed()
    expect((await answers).map(({ id }) => id)).toEqual(['id of a', 'id of b', 'id of c', 'id of d'])
  })

  it('go without delay where nothing but such a one is under way', async () => {
    const store = new FakeStore()
    const coalescer = over(store)
    const answers = [coalescer.add(job('a', { uniqueKey: 'k' })), coalescer.add(job('b'))]
    expect(store.sent).toEqual([['a'], ['b']])
    for (const statement of store.statements) await statement.succeed()
    await Promise.all(answers)
  })
})

describe('a statement that does not answer', () => {
  it('holds up the others for 20 ms and no longer', async () => {
    const store = new FakeStore()
    const coalescer = over(store)
    const answers = addAll(coalescer, ['blocked', 'b', 'c'])
    await vi.advanceTimersByTimeAsync(19)
    expect(store.sent).toEqual([['blocked']])
    await vi.advanceTimersByTimeAsync(1)
    expect(store.sent).toEqual([['blocked'], ['b', 'c']])
    await store.nth(1).succeed()

    // From now on it counts as late, and nobody waits for it again.
    const later = coalescer.add(job('d'))
    expect(store.sent).toEqual([['blocked'], ['b', 'c'], ['d']])
    const behind = coalescer.add(job('e'))
    await store.nth(2).succeed()
    expect(store.sent.at(-1)).toEqual(['e'])
    await store.nth(3).succeed()
    await store.nth(0).succeed()
    await Promise.all([answers, later, behind])
  })

  it('is one of at most as many as were allowed', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 2)
    const answers = [coalescer.add(job('a')), coalescer.add(job('b'))]
    await vi.advanceTimersByTimeAsync(1_000)
    answers.push(coalescer.add(job('c')), coalescer.add(job('d')))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.sent).toEqual([['a'], ['b']])
    await store.nth(1).succeed()
    expect(store.sent).toEqual([['a'], ['b'], ['c', 'd']])
    await store.nth(2).succeed()
    await store.nth(0).succeed()
    await Promise.all(answers)
  })
})

describe('a late statement', () => {
  it('does not hold up a call that comes after it', async () => {
    const store = new FakeStore()
    const coalescer = over(store)
    const first = coalescer.add(job('a'))
    await vi.advanceTimersByTimeAsync(20)
    const second = coalescer.add(job('b'))
    expect(store.sent).toEqual([['a'], ['b']])
    for (const statement of store.statements) await statement.succeed()
    await Promise.all([first, second])
  })
})

describe('a batch', () => {
  const names = Array.from({ length: 2_500 }, (_, n) => `job ${n}`)

  it('is of at most 1,000 jobs; a full one waits for no other', async () => {
    const store = new FakeStore()
    const answers = addAll(over(store), names)
    expect(store.sent.map((tasks) => tasks.length)).toEqual([1, 1_000, 1_000])
    for (const statement of store.statements.slice()) await statement.succeed()
    expect(store.sent.map((tasks) => tasks.length)).toEqual([1, 1_000, 1_000, 499])
    await store.nth(3).succeed()
    const ids = (await answers).map((result) => (result.status === 'fulfilled' ? result.value.id : ''))
    expect(ids).toEqual(names.map((name) => `id of ${name}`))
  })

  it('is of at most 1 MiB of payloads; a larger one goes alone', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 10)
    const large = (task: string, size: number): NewJob => ({ ...job(task), payload: 'x'.repeat(size) })
    const jobs = [
      job('first'),
      large('a', 600_000),
      large('b', 600_000),
      large('c', 2_000_000),
      large('d', 10),
    ]
    const answers = Promise.all(jobs.map((one) => coalescer.add(one)))
    expect(store.sent).toEqual([['first'], ['a'], ['b'], ['c']])
    for (const statement of store.statements.slice()) await statement.succeed()
    expect(store.sent.at(-1)).toEqual(['d'])
    await store.nth(4).succeed()
    await answers
  })
})

describe('what the database refuses', () => {
  const names = Array.from({ length: 100 }, (_, n) => `job ${n}`)
  const outcomes = (results: readonly PromiseSettledResult<AddedJob>[]): string[] =>
    results.flatMap((result, n) => (result.status === 'rejected' ? `job ${n}: ${result.reason.message}` : []))

  /** Refuses every statement with a bad job in it, as a database does: the whole. */
  function refusing(bad: ReadonlySet<string>, code: string): { sent: string[][]; write: FakeStore['write'] } {
    const sent: string[][] = []
    const write: FakeStore['write'] = async (jobs) => {
      const tasks = jobs.map(({ task }) => task)
      sent.push(tasks)
      const culprit = tasks.find((task) => bad.has(task))
      if (culprit !== undefined) throw sqlError(code, `${culprit} is bad`)
      return tasks.map(answerTo)
    }
    return { sent, write }
  }

  it.each(['22P05', '23514', '54000', 'KT001', 'P0001', '40P01', '40001'])(
    'with %s costs the culprit, and not its neighbours',
    async (code) => {
      const store = refusing(new Set(['job 37']), code)
      const results = await addAll(over(store), names)
      expect(outcomes(results)).toEqual(['job 37: job 37 is bad'])
      expect(results[38]).toEqual({ status: 'fulfilled', value: answerTo('job 38') })
      // The first went alone. Halving finds one among 99 in 7 steps, each with its other half.
      expect(store.sent.length).toBeLessThanOrEqual(2 + 2 * 7)
      const written = store.sent.filter((tasks) => !tasks.includes('job 37')).flat()
      expect(written.toSorted()).toEqual(names.filter((name) => name !== 'job 37').toSorted())
    },
  )

  it('may be several, and each has its own error', async () => {
    const store = refusing(new Set(['job 3', 'job 4', 'job 99']), '22P05')
    const results = await addAll(over(store), names)
    expect(outcomes(results)).toEqual(['job 3: job 3 is bad', 'job 4: job 4 is bad', 'job 99: job 99 is bad'])
  })

  it.each(['42P01', '42501', '57014', '57P01', '08006', '53200'])(
    'with %s, which concerns all, is not tried again in parts',
    async (code) => {
      const store = refusing(new Set(names), code)
      const results = await addAll(over(store), ['job 0', 'job 1', 'job 2'])
      expect(results.every(({ status }) => status === 'rejected')).toBe(true)
      expect(store.sent).toEqual([['job 0'], ['job 1', 'job 2']])
    },
  )
})

describe('weather', () => {
  it('rejects every call of the statement with an error of its own; nothing is sent again', async () => {
    const store = new FakeStore()
    const answers = addAll(over(store), ['a', 'b', 'c'])
    await store.nth(0).succeed()
    const lost = new AggregateError([sqlError('ECONNRESET', 'read')], 'connection lost', { cause: 'cable' })
    await store.nth(1).fail(lost)
    const errors = (await answers).flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(store.statements).toHaveLength(2)
    expect(errors).toHaveLength(2)
    expect(errors[0]).not.toBe(errors[1])
    for (const error of errors) {
      expect(error).toBeInstanceOf(AggregateError)
      expect(error).toEqual(lost)
      expect(error).toMatchObject({ cause: 'cable', errors: [{ code: 'ECONNRESET' }], stack: lost.stack })
    }
  })

  it('of a lone call is passed on as it is', async () => {
    const store = new FakeStore()
    const answer = addAll(over(store), ['a'])
    const lost = new Error('connection lost')
    await store.nth(0).fail(lost)
    const [result] = await answer
    expect(result?.status === 'rejected' && result.reason).toBe(lost)
  })

  it('that is an error of KongTask keeps its class and code in every copy', async () => {
    const store = new FakeStore()
    const answers = addAll(over(store), ['a', 'b', 'c'])
    await store.nth(0).succeed()
    await store.nth(1).fail(new KongTaskError('KT_DATABASE_UNAVAILABLE', 'no answer'))
    for (const result of (await answers).slice(1)) {
      const { reason } = result.status === 'rejected' ? result : { reason: undefined }
      expect(reason).toBeInstanceOf(KongTaskError)
      expect(reason).toMatchObject({ code: 'KT_DATABASE_UNAVAILABLE', message: 'no answer' })
    }
  })

  it('is also an answer that says nothing of a job', async () => {
    const answer = over({ write: async () => [] }).add(job('a'))
    await expect(answer).rejects.toThrow('did not answer for this job')
  })

  it('is also a store that throws', async () => {
    const throwing = (): never => {
      throw new Error('at once')
    }
    await expect(over({ write: throwing }).add(job('a'))).rejects.toThrow('at once')
  })
})

describe('the deadline', () => {
  const rejected = { status: 'rejected', reason: { code: 'KT_DEADLINE' } }

  it('counts from the call, its wait for others included, and then the job is never written', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 1)
    const blocked = addAll(coalescer, ['blocked', 'early'])
    await vi.advanceTimersByTimeAsync(4_000)
    const late = coalescer.add(job('late'))
    await vi.advanceTimersByTimeAsync(6_000)
    const results = await blocked
    expect(results).toMatchObject([rejected, rejected])
    expect(results[0]).toHaveProperty(
      'reason.message',
      expect.stringContaining('did not answer within 10000 ms'),
    )
    expect(results[1]).toHaveProperty('reason.message', expect.stringContaining('was not written'))

    expect(store.sent).toEqual([['blocked'], ['late']])
    await vi.advanceTimersByTimeAsync(3_999)
    await store.nth(1).succeed()
    expect(await late).toEqual(answerTo('late'))
  })

  it('is each call’s own within a batch', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 1)
    const outcomes: string[] = []
    const note = (name: string): void => {
      coalescer.add(job(name)).then(
        () => outcomes.push(`${name} added`),
        ({ code }: KongTaskError) => outcomes.push(`${name} ${code}`),
      )
    }
    note('first')
    note('a')
    await vi.advanceTimersByTimeAsync(5_000)
    note('b')
    await store.nth(0).succeed()
    expect(store.sent).toEqual([['first'], ['a', 'b']])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(outcomes).toEqual(['first added', 'a KT_DEADLINE'])
    await vi.advanceTimersByTimeAsync(4_000)
    await store.nth(1).succeed()
    expect(outcomes).toEqual(['first added', 'a KT_DEADLINE', 'b added'])
  })

  it('that passed while a batch is halved leaves that job unwritten, and the others their time', async () => {
    const store = new FakeStore()
    const coalescer = over(store, 1)
    const early = addAll(coalescer, ['first', 'a'])
    await vi.advanceTimersByTimeAsync(5_000)
    const late = coalescer.add(job('b'))
    await store.nth(0).succeed()
    await vi.advanceTimersByTimeAsync(6_000)
    await store.nth(1).fail(sqlError('22P05', 'bad'))
    expect(store.sent).toEqual([['first'], ['a', 'b'], ['b']])
    expect(store.statements.map(({ deadline }) => deadline)).toEqual([10_000, 10_000, 4_000])
    await store.nth(2).succeed()
    expect(await early).toMatchObject([{ status: 'fulfilled' }, rejected])
    expect(await late).toEqual(answerTo('b'))
  })

  it('may be longer than a timer of Node’s', async () => {
    const store = new FakeStore()
    const coalescer = new Coalescer({ write: store.write, deadline: 40 * 86_400_000, most: 1 })
    const answers = [coalescer.add(job('a')), coalescer.add(job('b'))]
    await vi.advanceTimersByTimeAsync(20 * 86_400_000)
    await store.nth(0).succeed()
    await vi.advanceTimersByTimeAsync(19 * 86_400_000)
    await store.nth(1).succeed()
    expect(await Promise.all(answers)).toEqual([answerTo('a'), answerTo('b')])
  })
})
