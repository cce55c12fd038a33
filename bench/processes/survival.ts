// What is measured of a system that is hurt: how long until work goes on, and what became of the jobs.
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { throwawayTarget } from '../../src/torture/target.ts'
import type { Measured } from '../frame/measure.ts'
import { SurvivalProcess, type SurvivalProgram } from './survival-process.ts'
import { SurvivalRecord } from './survival-record.ts'
import type { SurvivalJob } from './survival-worker.ts'

/** `kill`: kill -9 of a worker. `restart`: PostgreSQL crashes and comes back. `held`: somebody holds a snapshot. */
export type Harm = 'kill' | 'restart' | 'held'

export interface SurvivalOptions {
  readonly harm: Harm
  /** Seconds that are waited for work to go on. */
  readonly bound: number
  /** Jobs that are ready when the snapshot is taken. */
  readonly backlog: number
}

const WORKERS = 2
/** Jobs that two workers are busy with, and how long each takes, in milliseconds. */
const JOBS = 8
const LONG = 2_000
const PACE = 100
/** Milliseconds after which nothing more is expected to run a second time: a lease, and what it takes to look. */
const LATE = 20_000

export async function measureSurvival(program: SurvivalProgram, options: SurvivalOptions): Promise<Measured> {
  const target = await throwawayTarget(AbortSignal.timeout(600_000))
  const { connectionString } = target
  const workers: SurvivalProcess[] = []
  let record: SurvivalRecord | undefined
  let producer: SurvivalProcess | undefined
  try {
    record = await SurvivalRecord.create(connectionString)
    producer = await SurvivalProcess.start(program, 'add', connectionString)
    for (let n = 0; n < WORKERS; n += 1)
      workers.push(await SurvivalProcess.start(program, 'work', connectionString))
    const { restart } = target
    const stage = {
      options,
      producer,
      record,
      workers,
      connectionString,
      restart: async () => restart?.('immediate'),
    }
    return await MEASURES[options.harm](stage)
  } finally {
    await Promise.all([producer?.kill(), ...workers.map((worker) => worker.kill())])
    await record?.close()
    await target.close()
  }
}

interface Stage {
  readonly options: SurvivalOptions
  readonly producer: SurvivalProcess
  readonly record: SurvivalRecord
  readonly workers: readonly SurvivalProcess[]
  readonly connectionString: string
  /** As by a crash. */
  readonly restart: () => Promise<void>
}

async function afterKill({ options: { bound }, producer, record, workers }: Stage): Promise<Measured> {
  await producer.add(jobs(JOBS, LONG))
  const victim = await firstBusy(workers, record)
  // In the middle of its work.
  await delay(LONG / 4)
  await victim.kill()
  const at = performance.now()
  const held = await record.heldBy(victim.pid)
  const isBack = await within(
    bound,
    async () => (await record.begunElsewhere(held, victim.pid)) === held.length,
  )
  const seconds = (performance.now() - at) / 1_000
  if (isBack) await within(LONG / 1_000 + 20, async () => (await record.done()) === JOBS)
  await delay(LATE)
  return {
    ...(isBack ? { back_after_s: seconds } : { not_back_after_s: seconds }),
    torn: held.length,
    unfinished: JOBS - (await record.done()),
    twice: await record.twice(),
  }
}

async function afterRestart({
  options: { bound },
  producer,
  record,
  workers,
  restart,
}: Stage): Promise<Measured> {
  await producer.add(jobs(JOBS, LONG))
  await firstBusy(workers, record)
  await delay(LONG / 4)
  await restart()
  const at = performance.now()
  // Those that run survive it in their processes. Whether the system is back, only new ones tell; more than fit beside the others.
  await added(producer, jobs(JOBS, LONG, JOBS), bound)
  const goesOn = await within(bound, async () => (await record.begunOf(JOBS)) > 0)
  const seconds = (performance.now() - at) / 1_000
  const rest = Math.max(0, bound - seconds)
  const isDone = await within(rest, async () => (await record.done()) === 2 * JOBS)
  const allDone = (performance.now() - at) / 1_000
  await delay(LATE)
  return {
    ...(goesOn ? { back_after_s: seconds } : { not_back_after_s: seconds }),
    ...(isDone ? { all_done_after_s: allDone } : {}),
    exited: workers.filter(({ hasExited }) => hasExited).length,
    unfinished: 2 * JOBS - (await record.done()),
    twice: await record.twice(),
  }
}

const MEASURES: Readonly<Record<Harm, (stage: Stage) => Promise<Measured>>> = {
  kill: afterKill,
  restart: afterRestart,
  held: whileHeld,
}

/** Seconds of each of the two rates. */
const MEASURED = 5
/** Seconds for which the snapshot is held before the second of them. */
const HELD = 20

async function whileHeld({
  options: { backlog },
  producer,
  record,
  connectionString,
}: Stage): Promise<Measured> {
  await producer.add(jobs(backlog, 0))
  await within(30, async () => (await record.effects()) > 0)
  const before = await rate(record)
  const holder = new pg.Client({ connectionString })
  await holder.connect()
  try {
    await holder.query('begin isolation level repeatable read')
    await holder.query('select count(*) from pg_class')
    await delay(HELD * 1_000)
    const during = await rate(record)
    if ((await record.done()) === backlog)
      throw new Error('There was nothing left to do: the rates say nothing.')
    return {
      before_per_s: before,
      held_per_s: during,
      held_over_before: during / before,
      twice: await record.twice(),
    }
  } finally {
    await holder.end()
  }
}

async function rate(record: SurvivalRecord): Promise<number> {
  const [from, at] = [await record.effects(), performance.now()]
  await delay(MEASURED * 1_000)
  return ((await record.effects()) - from) / ((performance.now() - at) / 1_000)
}

async function firstBusy(
  workers: readonly SurvivalProcess[],
  record: SurvivalRecord,
): Promise<SurvivalProcess> {
  let busy: SurvivalProcess | undefined
  await within(30, async () => {
    for (const worker of workers) if ((await record.heldBy(worker.pid)).length > 0) busy ??= worker
    return busy !== undefined
  })
  if (busy === undefined) throw new Error('No worker began a job within 30 s.')
  return busy
}

function jobs(count: number, ms: number, first = 0): SurvivalJob[] {
  return Array.from({ length: count }, (_, n) => ({ n: first + n, ms }))
}

/** As an application does that has just seen the database come back: until it succeeds. A job that is added twice is done twice. */
async function added(producer: SurvivalProcess, more: readonly SurvivalJob[], bound: number): Promise<void> {
  const isAdded = await within(bound, async () => producer.add(more).then(() => true))
  if (!isAdded) throw new Error(`No job could be added for ${bound} s.`)
}

async function within(seconds: number, ask: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + seconds * 1_000
  for (;;) {
    // The database may be about to come back.
    if (await ask().catch(() => false)) return true
    if (performance.now() > end) return false
    await delay(PACE)
  }
}
