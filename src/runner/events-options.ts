import { KongTaskError } from '../core/errors.ts'
import { isEventName, type EventName, type Events } from '../core/events.ts'
import { checkInteger } from '../core/option-values.ts'
import { readOptions } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import type { EventStreamOptions, NamedEvent } from '../runtime/event-stream.ts'

/** How `runner.events` listens. */
export interface EventsOptions {
  /** Ends the loop. */
  readonly signal?: AbortSignal | undefined
  /** Events that wait while the consumer is busy, 1 to 1,000,000. @default 1000 */
  readonly buffer?: number | undefined
}

/** Events of a runner with their names, for one `for await`. */
export interface RunnerEvents<N extends EventName = EventName> extends AsyncIterableIterator<
  NamedEvent<Events, N>
> {
  /** How many were dropped so far, because the consumer was too slow for them. */
  readonly dropped: number
}

const KNOWN: ReadonlySet<string> = new Set(['signal', 'buffer'])
const DEFAULT_BUFFER = 1_000
const LARGEST_BUFFER = 1_000_000

/** @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN */
export function readEventsOptions(
  names: unknown,
  options: unknown,
): Pick<EventStreamOptions<EventName>, 'limit' | 'signal'> {
  if (!Array.isArray(names) || names.length === 0 || !names.every(isEventName)) {
    throw invalid(`the names must be an array of names of events, not ${showValue(names)}`)
  }
  const { signal, buffer = DEFAULT_BUFFER } = readOptions(options, KNOWN, 'runner.events')
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid(`\`signal\` must be an AbortSignal, not ${showValue(signal)}`)
  }
  return { limit: checkInteger(buffer, 'buffer', 1, LARGEST_BUFFER), signal }
}

function invalid(why: string): KongTaskError {
  return new KongTaskError('KT_OPTION_INVALID', `runner.events: ${why}.`)
}
