// Every option of `addJob` as a flag of the command line, under its own name.
import type { Command } from 'commander'
import { KongTaskError } from '../core/errors.ts'
import { checkJobOptions, type JobOptions } from '../core/job-options.ts'
import type { GivenOptions } from './command.ts'
import { collectList } from './list-option.ts'

interface JobOptionFlag {
  readonly flags: string
  readonly about: string
  /** What the text says; what it cannot mean is returned as it is, to be refused. */
  readonly read: (value: unknown) => unknown
  /** It may be given several times. */
  readonly collect?: true
  /** Where commander would call it otherwise. */
  readonly key?: string
}

const FLAGS: { readonly [Option in keyof Required<JobOptions>]: JobOptionFlag } = {
  scheduledIn: {
    flags: '--scheduled-in <duration>',
    about: 'run it so long from now: 90s, 10m, 1h30m',
    read: asIs,
  },
  scheduledAt: { flags: '--scheduled-at <time>', about: 'run it then: 2026-09-01T08:00:00Z', read: asIs },
  queue: {
    flags: '--queue <name>',
    about: "the queue that it waits in (default: the task's, or default)",
    read: asIs,
  },
  priority: { flags: '--priority <number>', about: '0 to 15, lower runs first (default: 1)', read: number },
  maxAttempts: {
    flags: '--max-attempts <number>',
    about: 'attempts before it is a dead letter (default: 25)',
    read: number,
  },
  timeout: {
    flags: '--timeout <duration>',
    about: 'how long an attempt may take (default: without end)',
    read: asIs,
  },
  retain: {
    flags: '--retain <duration>',
    about: 'how long it is kept when it is over; false: not at all (default: 24h)',
    read: json,
  },
  uniqueKey: {
    flags: '--unique-key <key>',
    about: 'one job of the task with this key at a time',
    read: asIs,
  },
  uniqueFor: {
    flags: '--unique-for <duration>',
    about: 'no other with its key for so long; without a key, its payload',
    read: asIs,
  },
  onConflict: {
    flags: '--on-conflict <what>',
    about: 'where another has the key: skip, replace or keep_schedule',
    read: asIs,
  },
  serialKey: {
    flags: '--serial-key <key>',
    about: 'jobs of the queue with this key run one at a time, in order',
    read: asIs,
  },
  concurrency: {
    flags: '--concurrency <limit>',
    about: 'how many like it at once: 5, or JSON {"limit":5,"by":"tenantId"}',
    read: json,
  },
  rateLimit: {
    flags: '--rate-limit <json>',
    about: 'how many like it per period: {"limit":100,"per":"1m"}',
    read: json,
  },
  tags: { flags: '--tags <tags>', about: 'to find it by; several with commas', collect: true, read: asIs },
  flags: {
    flags: '--flags <flags>',
    about: 'marks that runners may forbid; several with commas',
    collect: true,
    read: asIs,
  },
  metadata: { flags: '--metadata <json>', about: 'your own facts about it, a JSON object', read: json },
  version: {
    flags: '--payload-version <number>',
    about: "of the payload's shape, for a task without a contract here (default: 1)",
    read: number,
    key: 'payloadVersion',
  },
}

/** @param leftOut options that make no sense there */
export function addJobOptionFlags(command: Command, leftOut: readonly (keyof JobOptions)[] = []): void {
  const without: ReadonlySet<string> = new Set(leftOut)
  for (const [option, { flags, about, collect }] of Object.entries(FLAGS)) {
    if (without.has(option)) continue
    if (collect) command.option(flags, about, collectList)
    else command.option(flags, about)
  }
}

/** @throws KT_OPTION_INVALID, KT_DURATION_INVALID, KT_DATE_INVALID, KT_NAME_INVALID */
export function readJobOptionFlags(given: GivenOptions): JobOptions {
  const found = Object.entries(FLAGS).flatMap(([option, { read, key = option }]) => {
    const value = given[key]
    return value === undefined ? [] : [[option, read(value)]]
  })
  const options: unknown = Object.fromEntries(found)
  return isJobOptions(options) ? options : {}
}

/** @throws KongTaskError that says what is wrong with them */
function isJobOptions(options: unknown): options is JobOptions {
  checkJobOptions(options)
  return true
}

function asIs(value: unknown): unknown {
  return value
}

function number(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
}

/** Text that begins like JSON is JSON; a duration or a name is itself. */
function json(value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (!/^[{[]/.test(value)) return value === 'false' ? false : number(value)
  try {
    const parsed: unknown = JSON.parse(value)
    return parsed
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new KongTaskError('KT_OPTION_INVALID', `This is not JSON: ${why}.`, { cause })
  }
}
