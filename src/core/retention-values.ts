import { parseDuration, parsePositiveDuration } from './duration.ts'
import { isPlainObject, readOptions } from './plain-object.ts'
import type { JobRetention } from './retention.ts'

const MEMBERS: ReadonlySet<string> = new Set(['finished', 'dead', 'logs'])

/** A plain time is that of a finished job. @throws KT_DURATION_INVALID, KT_OPTION_UNKNOWN, KT_OPTION_INVALID */
export function checkRetention(value: unknown): JobRetention {
  if (!isPlainObject(value)) return Object.freeze({ finished: checkFinished(value, 'retain') })
  const { finished, dead, logs } = readOptions(value, MEMBERS, '`retain`')
  return Object.freeze({
    ...(finished === undefined ? {} : { finished: checkFinished(finished, 'retain.finished') }),
    ...(dead === undefined ? {} : { dead: parsePositiveDuration(dead, 'retain.dead') }),
    ...(logs === undefined
      ? {}
      : { logs: logs === false ? logs : parsePositiveDuration(logs, 'retain.logs') }),
  })
}

/** Milliseconds, or `false` for not at all. */
function checkFinished(value: unknown, option: string): number | false {
  return value === false ? value : parseDuration(value, option)
}
