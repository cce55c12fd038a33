import type { Pool } from 'pg'
import type { JobAdder } from '../core/add-job.ts'
import type { Lineage } from '../core/new-job.ts'
import { onTransaction } from '../store/drivers/drivers.ts'
import { pgDatabase } from '../store/pg-database.ts'
import type { Store } from '../store/store.ts'
import { announcing, type OnAdded } from './announcing-writer.ts'
import { CallsUnderWay } from './calls-under-way.ts'
import { Coalescer } from './coalescer.ts'
import { createJobAdder } from './job-adder.ts'
import { newJobMaker, type MakeNewJob, type NewJobRules } from './new-job.ts'
import { poolWriter, transactionWriter } from './writer.ts'

export interface ProducerOptions extends NewJobRules {
  readonly store: Store
  readonly pool: Pool
  /** Milliseconds that a call may wait for the database. */
  readonly deadline: number
  /** Throws where nothing may be added any more. */
  readonly checkOpen?: (() => void) | undefined
  /** Where calls are counted. @default a count of its own */
  readonly calls?: CallsUnderWay | undefined
  /** Told of what was added on connections of ours; whether a caller's transaction commits is not ours to know. */
  readonly onAdded?: OnAdded | undefined
}

/** What both the client and a handler's context offer: adding on connections of ours, and on the caller's. */
export interface Producer {
  readonly own: JobAdder
  /** `own`, for what the handler of a job adds. */
  childrenOf(parent: Lineage): JobAdder
  /** @throws KT_NOT_A_TRANSACTION */
  with(tx: unknown, parent?: Lineage): JobAdder
  /** Resolves when no call is under way: the moment to close the pool. */
  idle(): Promise<void>
}

/** Single jobs may have this many statements under way at once, and never more than half of the pool. */
const MOST_STATEMENTS = 4
/** What node-postgres takes where the pool says nothing. */
const DEFAULT_POOL_SIZE = 10

export function createProducer(options: ProducerOptions): Producer {
  const { store, pool, deadline, checkOpen, onAdded, calls = new CallsUnderWay() } = options
  const makeNewJob = newJobMaker(options)
  const coalescer = new Coalescer({
    write: (jobs, ms) => store.insertJobs(jobs, pgDatabase(pool, ms)),
    deadline,
    most: statementsFor(pool),
  })
  const silent = poolWriter({ store, pool, deadline, one: (job) => coalescer.add(job) })
  const own = onAdded === undefined ? silent : announcing(silent, onAdded)
  return {
    own: createJobAdder({ makeNewJob, writer: own, checkOpen, calls }),
    childrenOf: (parent) =>
      createJobAdder({ makeNewJob: asChild(makeNewJob, parent), writer: own, checkOpen, calls }),
    with: (tx, parent) => {
      const connection = onTransaction(tx, deadline)
      const writer = transactionWriter(store, connection)
      const make = parent === undefined ? makeNewJob : asChild(makeNewJob, parent)
      return createJobAdder({ makeNewJob: make, writer, checkOpen, calls })
    },
    idle: () => calls.idle(),
  }
}

function asChild(makeNewJob: MakeNewJob, parent: Lineage): MakeNewJob {
  return (task, payload, options) => {
    const job = makeNewJob(task, payload, options)
    return job instanceof Promise ? job.then((later) => ({ ...later, parent })) : { ...job, parent }
  }
}

function statementsFor(pool: Pool): number {
  // A pool is known by its methods: that of another copy of the driver need not say how large it is.
  const { max = DEFAULT_POOL_SIZE } = 'options' in pool ? pool.options : { max: DEFAULT_POOL_SIZE }
  return Math.max(1, Math.min(MOST_STATEMENTS, Math.floor(max / 2)))
}
