// Front door of the test kit, `kongtask/testing`. Everything here runs the product's own code: the checks of `addJob`, the
// executor, the worker, the SQL. What is ours is the place where it runs, and the time.
export {
  crashAt,
  type CrashAtOptions,
  type CrashFinding,
  type CrashProbe,
  type CrashReport,
} from './crash-at.ts'
export type { Drained, DrainedJob, DrainOptions, DrainTarget, JobFailure } from './drain.ts'
export { fake, type FakeKongTask, type FakeOptions } from './fake.ts'
export type { JobPattern, PartOf, PayloadPart } from './job-pattern.ts'
export type { RecordedJob } from './recording-adder.ts'
export type { TestClock } from './test-clock.ts'
export { createTestKongTask, TestKongTask, type TestKongTaskOptions } from './test-kong-task.ts'
export { mockContext, type MockContext, type MockContextOptions } from './mock-context.ts'
export { performJob, type Performed, type PerformJobOptions } from './perform-job.ts'
export type { PerformedTask } from './performed-task.ts'
export type { RecordedLine, RecordedProgress, Records, RecordedStep } from './recording-context.ts'
