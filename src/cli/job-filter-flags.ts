// The filters of `kong.jobs` and `kong.deadLetters` as flags, under their own names.
import type { Command } from 'commander'
import type { KongTask } from '../client/client.ts'
import {
  readDeadLetterFilter,
  readJobFilter,
  type DeadLetterFilter,
  type JobFilter,
} from '../core/job-filter.ts'
import { suggestion } from '../core/near-miss.ts'
import { showText } from '../core/show-value.ts'
import type { GivenOptions } from './command.ts'
import { collectList } from './list-option.ts'
import type { Terminal } from './terminal.ts'

const RANGES = ['created', 'scheduled', 'finished'] as const
const SINGLE = ['tag', 'uniqueKey', 'serialKey', 'parentId', 'error'] as const
const LISTS = ['state', 'task', 'queue'] as const

/** @param hasStates false where the state is no question, as of dead letters */
export function addJobFilterFlags(command: Command, { hasStates = true } = {}): Command {
  if (hasStates)
    command.option(
      '--state <states>',
      'scheduled, ready, running, completed, dead or cancelled; several with commas',
      collectList,
    )
  command
    .option('--task <names>', 'of this task; several with commas', collectList)
    .option('--queue <names>', 'of this queue; several with commas', collectList)
    .option('--tag <tag>', 'with this tag')
    .option('--unique-key <key>', 'with this unique key')
    .option('--serial-key <key>', 'with this serial key')
    .option('--parent-id <id>', 'added by this job')
    .option(
      '--error <text>',
      'whose latest error has this in its message or its pattern: "user <n> not found"',
    )
  for (const range of RANGES) {
    const what = { created: 'added', scheduled: 'due', finished: 'over' }[range]
    command
      .option(`--${range}-from <time>`, `${what} then or later: 2026-09-01T08:00:00Z`)
      .option(`--${range}-to <time>`, `${what} before`)
  }
  return command
}

/** Whether one is given. */
export function hasJobFilterFlags(given: GivenOptions): boolean {
  return Object.keys(filterOf(given)).length > 0
}

/** @throws KT_OPTION_INVALID, KT_NAME_INVALID, KT_DATE_INVALID */
export function readJobFilterFlags(given: GivenOptions): JobFilter {
  const filter = filterOf(given)
  return isJobFilter(filter) ? filter : {}
}

/** @throws as `readJobFilterFlags` */
export function readDeadLetterFilterFlags(given: GivenOptions): DeadLetterFilter {
  const filter = filterOf(given)
  return isDeadLetterFilter(filter) ? filter : {}
}

/** A name that nobody has used finds nothing, which looks as if all were well. */
export async function warnOfUnknownNames(
  { task, queue }: DeadLetterFilter,
  kong: Pick<KongTask, 'tasks' | 'queues'>,
  terminal: Terminal,
): Promise<void> {
  const look = async (
    kind: string,
    names: DeadLetterFilter['task'],
    list: () => Promise<readonly { name: string }[]>,
  ): Promise<void> => {
    if (names === undefined) return
    const known = (await list()).map(({ name }) => name)
    for (const name of typeof names === 'string' ? [names] : names)
      if (!known.includes(name))
        terminal.tell(`Warning: There is no ${kind} ${showText(name)}.${suggestion(name, known)}`)
  }
  await look('task', task, () => kong.tasks.list())
  await look('queue', queue, () => kong.queues.list({ countTo: 0 }))
}

function filterOf(given: GivenOptions): Readonly<Record<string, unknown>> {
  const said = [...LISTS, ...SINGLE].map((name) => [name, given[name]] as const)
  const ranges = RANGES.map((range) => {
    const [from, to] = [given[`${range}From`], given[`${range}To`]]
    return [`${range}At`, from === undefined && to === undefined ? undefined : { from, to }] as const
  })
  return Object.fromEntries([...said, ...ranges].filter(([, value]) => value !== undefined))
}

/** @throws KongTaskError that says what is wrong with it */
function isJobFilter(filter: unknown): filter is JobFilter {
  readJobFilter(filter, 'jobs')
  return true
}

/** @throws likewise */
function isDeadLetterFilter(filter: unknown): filter is DeadLetterFilter {
  readDeadLetterFilter(filter, 'dead')
  return true
}
