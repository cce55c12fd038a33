// The handlers of a worker process. They heed no signal: what keeps a process that lost its jobs from settling them must be
// the fence.
import { setTimeout as delay } from 'node:timers/promises'
import { RetryableError } from '../core/handler-errors.ts'
import type { JobContext } from '../core/job-context.ts'
import type { TaskFunction } from '../core/task-list.ts'
import {
  EFFECT,
  HOLD_CONNECTION,
  LATER_EFFECT,
  isEffectPayload,
  isHoldPayload,
  type EffectPayload,
  type HoldPayload,
} from './load.ts'
import type { WorkerOrders } from './worker-message.ts'

/** Milliseconds until a job is tried again whose handler the weather met; the usual back-off would soon be minutes. */
const AGAIN = 50

/** The handlers that this version of the code has. */
export function tasksOf({ version, process, names }: WorkerOrders): Readonly<Record<string, TaskFunction>> {
  const started = `insert into ${names.record}.starts (job, process) values ($1, $2) returning execution::text`
  const done = `insert into ${names.record}.effects (job, execution) values ($1, $2)`

  const start = async ({ pool, job }: JobContext): Promise<string> => {
    const { rows } = await pool.query<{ execution: string }>(started, [job.id, process])
    return rows[0]?.execution ?? ''
  }

  const takeEffect = async ({ isExact, ms, linger }: EffectPayload, context: JobContext): Promise<string> => {
    const { job, pool, withTransaction, complete } = context
    const execution = await start(context)
    await delay(ms)
    if (!isExact) {
      await pool.query(done, [job.id, execution])
      return execution
    }
    await withTransaction(async (tx) => {
      await tx.query(done, [job.id, execution])
      await complete(tx, execution)
      if (linger > 0) await delay(linger)
    })
    return execution
  }

  const holdConnection = async ({ ms }: HoldPayload, context: JobContext): Promise<string> => {
    const execution = await start(context)
    const client = await context.pool.connect()
    let isSound = false
    try {
      await delay(ms)
      await client.query(done, [context.job.id, execution])
      isSound = true
      return execution
    } finally {
      client.release(!isSound)
    }
  }

  const effect: TaskFunction = (payload: unknown, context) =>
    againSoon(isEffectPayload(payload) ? takeEffect(payload, context) : refuse(payload))
  const hold: TaskFunction = (payload: unknown, context) =>
    againSoon(isHoldPayload(payload) ? holdConnection(payload, context) : refuse(payload))
  const old = { [EFFECT]: effect, [HOLD_CONNECTION]: hold }
  return version === 'old' ? old : { ...old, [LATER_EFFECT]: effect }
}

async function againSoon(work: Promise<string>): Promise<string> {
  try {
    return await work
  } catch (cause) {
    throw new RetryableError('the weather met it', { retryIn: AGAIN, cause })
  }
}

function refuse(payload: unknown): Promise<never> {
  return Promise.reject(new TypeError(`no payload of ours: ${JSON.stringify(payload)}`))
}
