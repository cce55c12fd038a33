// The program of a process that runs one system under one load: started by system-process.ts, told by a message what to
// do, it answers with what it measured. Nobody needs the other systems' packages for it.
import { once } from 'node:events'
import type { Measured } from '../frame/measure.ts'
import { DRAIN_QUEUE, measureDrain } from '../loads/drain-load.ts'
import type { JobSystem, OpenOptions } from '../loads/job-system.ts'
import { MIXED_QUEUES, measureMixed } from '../loads/mixed-load.ts'
import { STEADY_QUEUE, produce, type Producer } from '../loads/producer.ts'
import { measureSteady } from '../loads/steady-load.ts'
import { produceElsewhere } from '../processes/producer-process.ts'
import type { Answer, Load, SystemName, WorkOrder } from '../processes/work-order.ts'

const OPEN: Readonly<Record<SystemName, (options: OpenOptions) => Promise<JobSystem>>> = {
  kongtask: async (options) => (await import('./kongtask-system.ts')).openKongTask(options),
  'in-memory': async () => (await import('./in-memory.ts')).openInMemory(),
  'graphile-worker': async (options) =>
    (await import('../peers/graphile-worker.ts')).openGraphileWorker(options),
  'pg-boss': async (options) => (await import('../peers/pg-boss.ts')).openPgBoss(options),
  'bullmq-redis': async (options) => (await import('../peers/bullmq.ts')).openOnRedis(options),
  'bullmq-postgres': async (options) => (await import('../peers/bullmq.ts')).openOnPostgres(options),
}

const QUEUES: Readonly<Record<Load['kind'], readonly string[]>> = {
  drain: [DRAIN_QUEUE],
  steady: [STEADY_QUEUE],
  produce: [STEADY_QUEUE],
  mixed: MIXED_QUEUES,
}

async function carryOut(order: WorkOrder): Promise<Measured> {
  const { load, options } = order
  const system = await OPEN[order.system]({ ...options, queues: QUEUES[load.kind] })
  try {
    return await measure(system, order)
  } finally {
    await system.close()
  }
}

async function measure(system: JobSystem, order: WorkOrder): Promise<Measured> {
  const { load } = order
  if (load.kind === 'drain') return { jobs_per_s: await measureDrain(system, load) }
  if (load.kind === 'mixed') return { jobs_per_s: await measureMixed(system, load) }
  if (load.kind === 'produce') {
    const producer = produce(system, load.rate)
    await Promise.race([once(process, 'message'), producer.failed])
    return { added: await producer.stop() }
  }
  // What is in memory can only be added to in its own process.
  const startProducing = (): Producer =>
    order.system === 'in-memory' ? produce(system, load.rate) : produceElsewhere(order, load)
  return { jobs_per_s: await measureSteady(system, load, startProducing) }
}

async function answerTo(order: WorkOrder): Promise<Answer> {
  try {
    return { measured: await carryOut(order) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

process.once('disconnect', () => process.exit(1))
// Its sender is our own system-process.ts or producer-process.ts.
process.once('message', (order: WorkOrder) => {
  void answerTo(order).then((answer) => {
    if ('error' in answer) console.error(answer.error)
    process.send?.(answer, () => process.exit('error' in answer ? 1 : 0))
  })
})
