import type { Pool } from 'pg'
import { KongTaskError } from '../core/errors.ts'
import type { AddedJob, NewJob } from '../core/new-job.ts'
import type { Queryable } from '../store/db.ts'
import { openTransaction, type OpenTransaction } from '../store/open-transaction.ts'
import { isConflict } from '../store/sqlstate.ts'
import type { Store } from '../store/store.ts'

/** The jobs of one call, split for the wire. */
export type Chunks = readonly (readonly NewJob[])[]

/** Ways to write what passed the checks. */
export interface Writer {
  one(job: NewJob): Promise<AddedJob>
  /** All chunks of a call, or none; answers in order. */
  all(chunks: Chunks): Promise<AddedJob[]>
  /** For chunks that come one after the other; nothing is asked of the database before the first. */
  inTurn(): ChunkWriter
}

/** Writes chunks that exist together or not at all: whoever uses one ends it with `commit` or `rollback`. */
export interface ChunkWriter {
  write(chunk: readonly NewJob[]): Promise<readonly AddedJob[]>
  commit(): Promise<void>
  /** Never rejects; does nothing a second time. */
  rollback(): Promise<void>
}

/** On the caller's transaction, which decides what becomes of it all. */
export function transactionWriter(store: Pick<Store, 'insertJobs'>, connection: Queryable): Writer {
  const inTurn = (): ChunkWriter => ({
    write: (chunk) => store.insertJobs(chunk, connection),
    commit: () => Promise.resolve(),
    rollback: () => Promise.resolve(),
  })
  return {
    one: async (job) => {
      const [added] = await store.insertJobs([job], connection)
      if (added === undefined) throw new TypeError('The database answered for no job.')
      return added
    },
    all: (chunks) => writeAll(chunks, inTurn()),
    inTurn,
  }
}

export interface PoolWriterOptions {
  readonly store: Pick<Store, 'insertJobs'>
  readonly pool: Pool
  /** Milliseconds for each step. */
  readonly deadline: number
  readonly one: Writer['one']
}

/** On connections of the pool's, in transactions of our own. */
export function poolWriter({ store, pool, deadline, one }: PoolWriterOptions): Writer {
  const inTurn = (): ChunkWriter => new PoolChunkWriter(store, () => openTransaction(pool, deadline))
  const all: Writer['all'] = (chunks) => {
    const [only, ...more] = chunks
    return only !== undefined && more.length === 0 ? store.insertJobs(only) : writeAll(chunks, inTurn())
  }
  return {
    one: (job) => againAfterConflict(() => one(job)),
    all: (chunks) => againAfterConflict(() => all(chunks)),
    inTurn: () => namingConflicts(inTurn()),
  }
}

/** What comes in turn is read from a source that cannot be read again, so there is one try. */
function namingConflicts(writer: ChunkWriter): ChunkWriter {
  const named = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw isConflict(error)
        ? conflict('Another transaction was in the way (serialization failure or deadlock)', error)
        : error
    }
  }
  return {
    write: (chunk) => named(writer.write(chunk)),
    commit: () => named(writer.commit()),
    rollback: () => writer.rollback(),
  }
}

class PoolChunkWriter implements ChunkWriter {
  readonly #store: Pick<Store, 'insertJobs'>
  readonly #begin: () => Promise<OpenTransaction>
  #transaction: OpenTransaction | undefined

  constructor(store: Pick<Store, 'insertJobs'>, begin: () => Promise<OpenTransaction>) {
    this.#store = store
    this.#begin = begin
  }

  async write(chunk: readonly NewJob[]): Promise<readonly AddedJob[]> {
    this.#transaction ??= await this.#begin()
    return this.#store.insertJobs(chunk, this.#transaction)
  }

  async commit(): Promise<void> {
    await this.#transaction?.commit()
  }

  async rollback(): Promise<void> {
    await this.#transaction?.rollback()
  }
}

async function writeAll(chunks: Chunks, writer: ChunkWriter): Promise<AddedJob[]> {
  const added: AddedJob[] = []
  try {
    for (const chunk of chunks) for (const job of await writer.write(chunk)) added.push(job)
    await writer.commit()
    return added
  } catch (error) {
    await writer.rollback()
    throw error
  }
}

const MOST_TRIES = 4
const GIVEN_UP = `Other transactions were in the way ${MOST_TRIES} times in a row (serialization failure or deadlock)`

async function againAfterConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isConflict(error)) throw error
      if (attempt === MOST_TRIES) throw conflict(GIVEN_UP, error)
    }
  }
}

function conflict(happened: string, cause: unknown): KongTaskError {
  return new KongTaskError('KT_DATABASE_CONFLICT', `${happened}. Nothing was written.`, { cause })
}
