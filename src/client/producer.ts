import type { Pool } from 'pg'
import type { JobAdder } from '../core/add-job.ts'
import type { AddedJob } from '../core/new-job.ts'
import type { Queryable } from '../store/db.ts'
import { onTransaction } from '../store/drivers/drivers.ts'
import { pgDatabase } from '../store/pg-database.ts'
import type { Store } from '../store/store.ts'
import { createJobAdder, type Chunks } from './job-adder.ts'
import { newJobMaker, type NewJobRules } from './new-job.ts'

export interface ProducerOptions extends NewJobRules {
  readonly store: Store
  readonly pool: Pool
  /** Milliseconds that a call may wait for the database. */
  readonly deadline: number
  /** Throws where nothing may be added any more. */
  readonly checkOpen?: (() => void) | undefined
}

/** What both the client and a handler's context offer: adding on connections of ours, and on the caller's. */
export interface Producer {
  readonly own: JobAdder
  /** @throws KT_NOT_A_TRANSACTION */
  with(tx: unknown): JobAdder
}

export function createProducer(options: ProducerOptions): Producer {
  const { store, deadline, checkOpen } = options
  const makeNewJob = newJobMaker(options)
  const adder = (write: (chunks: Chunks) => Promise<AddedJob[]>): JobAdder =>
    createJobAdder((task, payload, jobOptions) => {
      checkOpen?.()
      return makeNewJob(task, payload, jobOptions)
    }, write)
  return {
    own: adder((chunks) => writeOnPool(options, chunks)),
    with: (tx) => {
      const connection = onTransaction(tx, deadline)
      return adder((chunks) => writeInTurn(store, chunks, connection))
    },
  }
}

function writeOnPool({ store, pool, deadline }: ProducerOptions, chunks: Chunks): Promise<AddedJob[]> {
  const [only, ...more] = chunks
  if (only !== undefined && more.length === 0) return store.insertJobs(only)
  // The deadline is meant for a call of ordinary size, and each chunk is one.
  const database = pgDatabase(pool, deadline * chunks.length)
  return database.transaction((tx) => writeInTurn(store, chunks, tx))
}

async function writeInTurn(store: Store, chunks: Chunks, connection: Queryable): Promise<AddedJob[]> {
  const added: AddedJob[] = []
  for (const chunk of chunks) added.push(...(await store.insertJobs(chunk, connection)))
  return added
}
