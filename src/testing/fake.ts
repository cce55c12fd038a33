import type { AddJob, AddJobs, JobAdder } from '../core/add-job.ts'
import { readTaskNames, type KnownTasks } from '../core/task-list.ts'
import type { AnyTask } from '../core/task.ts'
import { fitting, nameOf, noneFits } from './expect-job.ts'
import type { JobPattern, PayloadPart } from './job-pattern.ts'
import { recordingAdder, type RecordedJob } from './recording-adder.ts'

export interface FakeOptions {
  /** The tasks that exist: then no other name is accepted. @default any name */
  readonly tasks?: KnownTasks | undefined
}

/**
 * Takes jobs as a client does, with every check of names, options and payloads, and only remembers them: nothing is written
 * and nothing runs. Each one is answered as `added`, one whose unique key is taken, too.
 */
export interface FakeKongTask extends Disposable {
  readonly addJob: AddJob
  readonly addJobs: AddJobs
  /** The same two calls; `tx` may be anything. */
  with(tx: unknown): JobAdder
  /** What was to be added, in that order. */
  readonly added: readonly RecordedJob[]
  /** @throws KT_TEST_EXPECTATION, which shows what was added instead */
  expectJob<T extends AnyTask | string>(task: T, pattern?: JobPattern<PayloadPart<T>>): RecordedJob
  /** @throws KT_TEST_EXPECTATION */
  expectNoJob<T extends AnyTask | string>(task: T, pattern?: JobPattern<PayloadPart<T>>): void
  /** Forgets what was added. */
  clear(): void
}

/**
 * For tests of code that adds jobs, without a database.
 *
 * @example
 * const kong = fake()
 * await signUp(kong, { email: 'ada@example.org' })
 * kong.expectJob(sendWelcomeEmail, { payload: { email: 'ada@example.org' } })
 */
export function fake({ tasks }: FakeOptions = {}): FakeKongTask {
  return fakeOf(tasks === undefined ? undefined : readTaskNames(tasks))
}

/** @param onEnd told when it is disposed of */
export function fakeOf(known?: ReadonlySet<string>, onEnd?: () => void): FakeKongTask {
  const added: RecordedJob[] = []
  const own = recordingAdder({ added, known })
  return {
    ...own,
    added,
    with: () => recordingAdder({ added, known, inTransaction: true }),
    expectJob: (task, pattern = {}) => fitting(added.toReversed(), nameOf(task), pattern),
    expectNoJob: (task, pattern = {}) => noneFits(added, nameOf(task), pattern),
    clear: () => void added.splice(0),
    [Symbol.dispose]: () => onEnd?.(),
  }
}
