import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { StreamOptions } from '../core/add-job.ts'
import { newJob, type NewJobSpec } from '../core/job-entry.ts'
import type { AddedJob, NewJob } from '../core/new-job.ts'
import { defineTask } from '../core/task.ts'
import { createJobAdder } from './job-adder.ts'
import { newJobMaker } from './new-job.ts'
import type { ChunkWriter } from './writer.ts'

const makeNewJob = newJobMaker({ maxPayload: 2_000_000 })

/** A writer whose writes take as long as the test says, and the order of everything that happened. */
class RecordingWriter implements ChunkWriter {
  readonly log: string[] = []
  readonly chunks: NewJob[][] = []
  written = 0
  /** What the writes wait for, by their number. */
  readonly held = new Map<number, Promise<unknown>>()

  async write(chunk: readonly NewJob[]): Promise<AddedJob[]> {
    const number = this.chunks.push([...chunk]) - 1
    this.log.push(`write ${chunk.length}`)
    await this.held.get(number)
    this.written += chunk.length
    return chunk.map(({ payload }) => ({ id: payload, status: statusOf(payload) }))
  }

  async commit(): Promise<void> {
    this.log.push('commit')
  }

  async rollback(): Promise<void> {
    this.log.push('rollback')
  }
}

function statusOf(payload: string): AddedJob['status'] {
  if (payload === '"skipped"') return 'skipped'
  return payload === '"replaced"' ? 'replaced' : 'added'
}

type AddStream = (
  source: AsyncIterable<NewJobSpec>,
  options?: StreamOptions,
) => Promise<{ readonly added: number; readonly skipped: number; readonly replaced: number }>

function over(writer: ChunkWriter): AddStream {
  const refused = (): never => {
    throw new Error('this is no stream')
  }
  return createJobAdder({ makeNewJob, writer: { one: refused, all: refused, inTurn: () => writer } }).addJobs
}

/** Jobs from 0, and how far the source was asked. */
class Source {
  pulled = 0
  returned = 0
  readonly #jobs: number
  readonly #at: ReadonlyMap<number, () => unknown>

  constructor(jobs: number, at: ReadonlyMap<number, () => unknown> = new Map()) {
    this.#jobs = jobs
    this.#at = at
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NewJobSpec, void, undefined> {
    try {
      while (this.pulled < this.#jobs) {
        const n = this.pulled++
        await this.#at.get(n)?.()
        yield newJob('a', n)
      }
    } finally {
      this.returned++
    }
  }
}

describe('a stream', () => {
  it('is written in chunks, in order, and committed once', async () => {
    const writer = new RecordingWriter()
    expect(await over(writer)(new Source(12_000))).toEqual({ added: 12_000, skipped: 0, replaced: 0 })
    expect(writer.log).toEqual(['write 5000', 'write 5000', 'write 2000', 'commit'])
    expect(writer.chunks.flat().map(({ payload }) => Number(payload))).toEqual(
      Array.from({ length: 12_000 }, (_, n) => n),
    )
  })

  it('of nothing writes nothing', async () => {
    const writer = new RecordingWriter()
    expect(await over(writer)(new Source(0))).toEqual({ added: 0, skipped: 0, replaced: 0 })
    expect(writer.chunks).toEqual([])
  })

  it('is not asked for more while a chunk is written', async () => {
    const writer = new RecordingWriter()
    const source = new Source(20_000)
    let release: (value?: unknown) => void = () => undefined
    const begun = new Promise<void>((resolve) => {
      writer.held.set(1, new Promise((free) => void (release = free)))
      writer.held.set(0, Promise.resolve().then(resolve))
    })
    const added = over(writer)(source)
    await begun
    while (writer.chunks.length < 2) await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect({ pulled: source.pulled, written: writer.written }).toEqual({ pulled: 10_000, written: 5_000 })
    release()
    await added
  })

  it('is never more than a chunk and a job ahead of what is written, however large the jobs', async () => {
    const writer = new RecordingWriter()
    let furthest = 0
    async function* large(): AsyncGenerator<NewJobSpec> {
      for (let n = 0; n < 20_000; n++) {
        furthest = Math.max(furthest, n - writer.written)
        yield newJob('a', 'x'.repeat(1_000))
      }
    }
    expect(await over(writer)(large())).toMatchObject({ added: 20_000 })
    // 4 MiB of texts of 1,002 characters.
    expect(furthest).toBeLessThanOrEqual(4_187)
    expect(Math.max(...writer.chunks.map((chunk) => chunk.length))).toBe(4_185)
  })

  it('tells how many jobs came to what', async () => {
    async function* mixed(): AsyncGenerator<NewJobSpec> {
      for (const payload of ['new', 'skipped', 'skipped', 'replaced']) yield newJob('a', payload)
    }
    expect(await over(new RecordingWriter())(mixed())).toEqual({ added: 1, skipped: 2, replaced: 1 })
  })

  it('shows each chunk’s ids and place, and waits for whoever looks', async () => {
    const writer = new RecordingWriter()
    const seen: (readonly [first: number, ids: number, from: string | undefined])[] = []
    const source = new Source(7_000)
    await over(writer)(source, {
      onAdded: async (jobs, first) => {
        const before = source.pulled
        await new Promise((resolve) => setImmediate(resolve))
        expect(source.pulled).toBe(before)
        seen.push([first, jobs.length, jobs[0]?.id])
        writer.log.push('seen')
      },
    })
    expect(seen).toEqual([
      [0, 5_000, '0'],
      [5_000, 2_000, '5000'],
    ])
    expect(writer.log).toEqual(['write 5000', 'seen', 'write 2000', 'seen', 'commit'])
  })

  it('may be of tasks whose schema takes its time', async () => {
    const slow = defineTask('slow', { payload: z.number().refine(async (n) => n >= 0, 'negative') })
    async function* jobs(): AsyncGenerator<NewJobSpec> {
      yield newJob(slow, 1)
      yield newJob(slow, -1)
    }
    const writer = new RecordingWriter()
    await expect(over(writer)(jobs())).rejects.toMatchObject({
      code: 'KT_PAYLOAD_INVALID',
      message: expect.stringContaining('addJobs, entry 1:'),
    })
    expect(writer.log).not.toContain('commit')
  })
})

it('what can be read without waiting is a list', async () => {
  const refused = (): never => {
    throw new Error('not asked for')
  }
  const writer = { one: refused, inTurn: refused, all: async () => [{ id: '1', status: 'added' as const }] }
  const both = Object.assign([newJob('a')], { [Symbol.asyncIterator]: refused })
  expect(await createJobAdder({ makeNewJob, writer }).addJobs(both)).toEqual([{ id: '1', status: 'added' }])
})

describe('a stream that fails', () => {
  it('with an error of the source rejects with that very error, and rolls back', async () => {
    const writer = new RecordingWriter()
    const broken = Object.assign(new Error('no more rows'), { code: 'ECONNREFUSED' })
    const source = new Source(9_000, new Map([[6_000, (): never => fail(broken)]]))
    const error: unknown = await over(writer)(source).catch((caught: unknown) => caught)
    expect(error).toBe(broken)
    expect(writer.log).toEqual(['write 5000', 'rollback'])
    expect(source.returned).toBe(1)
  })

  it.each([
    ['a bad job', 'KT_NAME_INVALID', 'addJobs, entry 5001: "two words"'],
    ['no job at all', 'KT_ENTRY_INVALID', 'addJobs, entry 5001: an entry must be'],
  ])('for %s names its place, and tells the source to end', async (kind, code, message) => {
    const writer = new RecordingWriter()
    let isEnded = false
    async function* jobs(): AsyncGenerator<NewJobSpec> {
      try {
        for (let n = 0; n <= 5_000; n++) yield newJob('a', n)
        yield kind === 'a bad job' ? newJob('two words') : Reflect.get({}, 'nothing')
        yield newJob('never asked for')
      } finally {
        // What was written is undone before the source takes its time.
        isEnded = writer.log.includes('rollback')
      }
    }
    await expect(over(writer)(jobs())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(writer.log).toContain('rollback')
    expect(writer.log).not.toContain('commit')
    expect(isEnded).toBe(true)
  })

  it('for the database tells the source to end, and says what the database means', async () => {
    const writer = new RecordingWriter()
    const source = new Source(20_000)
    writer.held.set(1, Promise.reject(Object.assign(new Error('no such function'), { code: '42883' })))
    await expect(over(writer)(source)).rejects.toMatchObject({ code: 'KT_NOT_MIGRATED' })
    expect(writer.log).toEqual(['write 5000', 'write 5000', 'rollback', 'rollback'])
    expect(source).toMatchObject({ pulled: 10_000, returned: 1 })
  })

  it('for whoever looks at the ids rejects with what that threw', async () => {
    const writer = new RecordingWriter()
    const source = new Source(6_000)
    const onAdded = (): never => fail(new Error('disk full'))
    await expect(over(writer)(source, { onAdded })).rejects.toThrow('disk full')
    expect(writer.log).toEqual(['write 5000', 'rollback', 'rollback'])
    expect(source.returned).toBe(1)
  })

  it('at the commit has not been added', async () => {
    const writer = new RecordingWriter()
    writer.commit = () => Promise.reject(new Error('could not serialize'))
    await expect(over(writer)(new Source(1))).rejects.toThrow('could not serialize')
    expect(writer.log).toEqual(['write 1', 'rollback'])
  })
})

describe('the options of a stream', () => {
  const call = (...given: readonly unknown[]): Promise<unknown> =>
    Reflect.apply(over(new RecordingWriter()), undefined, given)

  it.each([
    [{ onadded: () => undefined }, 'KT_OPTION_UNKNOWN', 'Did you mean "onAdded"?'],
    [{ onAdded: true }, 'KT_OPTION_INVALID', '`onAdded` must be a function, not true'],
    [() => undefined, 'KT_OPTION_INVALID', 'must be a plain object'],
  ])('are checked: %o', async (options, code, message) => {
    const source = new Source(1)
    await expect(call(source, options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(source.pulled).toBe(0)
  })

  it('are for streams only', async () => {
    await expect(call([newJob('a')], {})).rejects.toMatchObject({
      code: 'KT_OPTION_INVALID',
      message: expect.stringContaining('async iterable only'),
    })
  })
})

function fail(error: Error): never {
  throw error
}
