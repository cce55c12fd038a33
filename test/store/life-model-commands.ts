// What may happen to jobs, as values that fast-check makes and shortens. Numbers such as `which` choose among what there is
// at that moment, so that a list of commands makes sense whatever is left out of it.
import fc from 'fast-check'
import type { Settlement } from '../../src/core/settlement.ts'

export const QUEUES = ['default', 'other'] as const
export const TASKS = ['work', 'rest'] as const
export const PROCESSES = 3
/** More than there ever are. */
export const EVERYTHING = 900
const DAY = 86_400_000

export interface EntryCommand {
  readonly task: (typeof TASKS)[number]
  readonly queue: (typeof QUEUES)[number]
  readonly priority: number
  readonly delay: number
  readonly retain: number
  readonly retainDead: number | undefined
  readonly serialKey: string | undefined
  readonly unique: { readonly key: string; readonly for: number | undefined } | undefined
}

export type Verb =
  | { readonly kind: 'cancel' | 'delete' | 'retry' | 'run_now' }
  | { readonly kind: 'reschedule'; readonly delay: number }
  | { readonly kind: 'reprioritise'; readonly priority: number }

export type Command =
  | { readonly do: 'add'; readonly entries: readonly EntryCommand[] }
  /** lost: it was claimed, and the process will never know. late: it will, once it hears. */
  | {
      readonly do: 'claim'
      readonly process: number
      readonly queue: (typeof QUEUES)[number] | 'all'
      readonly limit: number
      readonly isSurvey: boolean
      readonly answer: 'heard' | 'late' | 'lost'
    }
  /** What is late arrives, or is no longer waited for. */
  | { readonly do: 'hear'; readonly process: number; readonly arrives: boolean }
  /** Several jobs of one process, some of which it may have lost; twice: the first answer does not arrive. */
  | {
      readonly do: 'settle'
      readonly process: number
      readonly which: readonly number[]
      readonly how: readonly Settlement[]
      readonly isTwice: boolean
    }
  /** By a process that is gone, or no longer thinks that the job is its own. */
  | { readonly do: 'haunt'; readonly which: number; readonly how: Settlement }
  | { readonly do: 'step'; readonly process: number | 'ghost'; readonly which: number; readonly name: string }
  /** In a transaction that stays open until `end`: a settlement, or the handler's own. */
  | {
      readonly do: 'begin'
      readonly process: number
      readonly which: number
      readonly how: Settlement | 'complete'
    }
  | { readonly do: 'end'; readonly how: 'commit' | 'rollback' }
  | { readonly do: 'conclude'; readonly process: number }
  | { readonly do: 'heartbeat'; readonly process: number; readonly isAnswered: boolean }
  /** kill -9; in good order; its lease runs out; declared dead by hand. */
  | { readonly do: 'die' | 'stop'; readonly process: number }
  | { readonly do: 'expire' | 'unlock'; readonly which: number }
  | { readonly do: 'rescue' | 'sweep' | 'park' | 'unpark' | 'prune' }
  | { readonly do: 'operate'; readonly which: readonly number[]; readonly verb: Verb }
  | { readonly do: 'redrive'; readonly which: number }
  | { readonly do: 'pause' | 'resume'; readonly what: 'queue' | 'task' }
  | { readonly do: 'advance'; readonly by: number }

const some = <const T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const which = fc.nat({ max: 1_000 })
const processes = fc.nat({ max: PROCESSES - 1 })

const entries: fc.Arbitrary<EntryCommand> = fc.record({
  task: some('work', 'work', 'rest'),
  queue: some('default', 'default', 'default', 'other'),
  priority: some(1, 1, 0, 9),
  delay: some(0, 0, 0, 30_000),
  retain: some(DAY, DAY, 0, 60 * DAY),
  retainDead: some(undefined, DAY, 60 * DAY),
  serialKey: some(undefined, undefined, undefined, undefined, 's'),
  unique: some(
    undefined,
    undefined,
    undefined,
    { key: 'u', for: undefined },
    { key: 'u', for: 600_000 },
    { key: 'v', for: undefined },
  ),
})

const error = { name: 'Error', message: 'no', stack: 'Error: no' }

const settlements = some<Settlement>(
  { kind: 'completed', result: undefined },
  { kind: 'completed', result: undefined },
  { kind: 'completed', result: { pages: 3 } },
  { kind: 'retry', delay: 0, error },
  { kind: 'retry', delay: 30_000, error },
  { kind: 'snoozed', delay: 0 },
  { kind: 'snoozed', delay: 30_000 },
  { kind: 'deferred', delay: 30_000 },
  { kind: 'released' },
  { kind: 'dead', reason: 'permanent', error },
  { kind: 'dead', reason: 'attempts', error },
  { kind: 'cancelled', reason: 'of no use' },
)

const verbs: fc.Arbitrary<Verb> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: some('cancel', 'cancel', 'delete', 'retry', 'run_now') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reschedule' as const), delay: some(0, 30_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('reprioritise' as const), priority: some(0, 1, 9) }),
  },
)

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      entries: fc.array(entries, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      process: processes,
      queue: some('all', 'all', ...QUEUES),
      limit: some(1, 2, 3, EVERYTHING),
      isSurvey: fc.boolean(),
      answer: some('heard', 'heard', 'heard', 'heard', 'late', 'lost'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('hear' as const), process: processes, arrives: fc.boolean() }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      process: processes,
      which: fc.array(which, { minLength: 1, maxLength: 3 }),
      how: fc.array(settlements, { minLength: 3, maxLength: 3 }),
      isTwice: some(false, false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('haunt' as const), which, how: settlements }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('step' as const),
      process: fc.oneof(processes, fc.constant('ghost' as const)),
      which,
      name: some('a', 'b'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('begin' as const),
      process: processes,
      which,
      how: fc.oneof(fc.constant('complete' as const), settlements),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), how: some('commit', 'rollback') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('conclude' as const), process: processes }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('heartbeat' as const),
      process: processes,
      isAnswered: some(true, true, true, false),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: some('die', 'stop'), process: processes }) },
  { weight: 5, arbitrary: fc.record({ do: some('expire', 'expire', 'expire', 'unlock'), which }) },
  { weight: 4, arbitrary: fc.record({ do: some('rescue', 'rescue', 'rescue', 'sweep') }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('operate' as const),
      which: fc.array(which, { minLength: 1, maxLength: 3 }),
      verb: verbs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('redrive' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: some('pause', 'pause', 'resume', 'resume', 'resume'),
      what: some('queue', 'task'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: some('park', 'park', 'unpark', 'prune') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), by: some(10_000, 60_000, 700_000, DAY) }),
  },
)

/** A history, of up to so many commands; half as many on average. */
export function histories(longest: number): fc.Arbitrary<Command[]> {
  return fc.array(command, { minLength: 1, maxLength: longest, size: 'max' })
}
