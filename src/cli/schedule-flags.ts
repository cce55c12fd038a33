// What of a schedule may be said beside when and what: as flags, under the names of the options.
import type { Command } from 'commander'
import { checkScheduleOptions, type Acting, type ScheduleOptions } from '../core/schedule-options.ts'
import type { GivenOptions } from './command.ts'
import { addJobOptionFlags, readJobOptionFlags } from './job-option-flags.ts'

/** Of a job alone: its schedule says when it comes. */
const OF_JOBS_ALONE = ['scheduledIn', 'scheduledAt', 'version'] as const

export function addScheduleFlags(command: Command): Command {
  command
    .option('--tz <zone>', 'of the clock times: Europe/Berlin (default: UTC)')
    .option('--catch-up <what>', 'of ticks that nobody fired in time: all, latest or none (default: none)')
    .option('--within <duration>', 'how old a tick may be that is caught up (default: 2d)')
    .option('--by <name>', 'who does it, for the record (default: the database role)')
  addJobOptionFlags(command, OF_JOBS_ALONE)
  return command
}

/** @throws KT_OPTION_INVALID, KT_DURATION_INVALID, KT_NAME_INVALID */
export function readScheduleFlags(given: GivenOptions): ScheduleOptions & Acting {
  const { name, tz, catchUp, within, by } = given
  const said = Object.entries({ ...readJobOptionFlags(given), name, tz, catchUp, within })
  const options: unknown = Object.fromEntries(said.filter(([, value]) => value !== undefined))
  if (!isScheduleOptions(options)) return {}
  return typeof by === 'string' ? { ...options, by } : options
}

/** @throws KongTaskError that says what is wrong with them */
function isScheduleOptions(options: unknown): options is ScheduleOptions {
  checkScheduleOptions(options, 'schedules')
  return true
}
