// What the model says, in the words in which life-model-database.ts says what the tables say.
import type { WorkerMessage } from '../../src/core/worker-message.ts'
import { isLive, type LifeJob, type LifeModel } from './life-model.ts'

/** Of live jobs, and of those who work on them. `queues`: their numbers by name. */
export function liveOf(
  { jobs, ledger, workers, holders, completions }: LifeModel,
  queues: ReadonlyMap<string, number>,
): unknown {
  const live = [...jobs.values()].filter(isLive)
  return {
    jobs: record(live.map((job) => [job.id, rowOf(job, queues)])),
    claims: list(
      ledger
        .map(({ worker, claim, queue, ids }) => [
          worker,
          claim,
          queues.get(queue),
          ids.map(Number).toSorted(byNumber),
        ])
        .toSorted(byRow),
    ),
    workers: record(
      [...workers.values()].map(({ worker, rescued, expired, messages }) => [
        String(worker),
        [rescued, expired, list(messages.map(({ message }) => textOf(message)).toSorted())],
      ]),
    ),
    keys: record([...holders].map(([name, { id, until }]) => [name, [Number(id), until ?? null]])),
    completions: list(
      completions.map(({ lease, id }) => [lease.worker, lease.claim, Number(id)]).toSorted(byRow),
    ),
    steps: record([...jobs.values()].filter(({ steps }) => steps > 0).map(({ id, steps }) => [id, steps])),
    'lost keys': null,
  }
}

function rowOf(
  { entry, lease, priority, runAt, attempt, crashes, errors, marked, snoozes, ...job }: LifeJob,
  queues: ReadonlyMap<string, number>,
): unknown[] {
  const aside = job.parked ? 32 : job.goesFirst ? 128 : 0
  const isPlain = lease === undefined && entry.serialKey === undefined
  return [
    queues.get(entry.queue),
    lease?.worker ?? 0,
    lease?.claim ?? 0,
    priority + (isPlain ? aside : 0),
    runAt,
    attempt,
    crashes,
    errors,
    marked ?? null,
    snoozes,
  ]
}

/** Of jobs that are over. */
export function overOf({ jobs }: LifeModel): unknown {
  return list(
    [...jobs.values()]
      .filter(({ end }) => end !== undefined)
      .toSorted((a, b) => Number(a.id) - Number(b.id))
      .map(({ id, state, attempt, crashes, errors, end }) => [
        Number(id),
        state,
        attempt,
        crashes,
        errors,
        end?.reason ?? null,
        end?.at,
        end?.expiresAt === Infinity ? null : end?.expiresAt,
        end?.result,
        end?.hasNoDay,
      ]),
  )
}

function byNumber(a: number, b: number): number {
  return a - b
}

function byRow(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, value] of a.entries()) {
    const difference = Number(value) - Number(b[index])
    if (difference !== 0 && !Number.isNaN(difference)) return difference
  }
  return 0
}

/** As life_text says it. */
function textOf(message: WorkerMessage): string {
  const said = message.kind === 'cancel' ? [message.job, message.reason] : []
  const paused = message.kind === 'pause' ? [message.queue, message.task] : []
  return [message.kind, ...said, ...paused.filter((number) => number !== undefined)].join(' ')
}

/** As PostgreSQL aggregates: nothing is null. */
function list<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items
}

function record(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> | null {
  return entries.length === 0 ? null : Object.fromEntries(entries)
}
