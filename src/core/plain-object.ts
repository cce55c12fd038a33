import { KongTaskError } from './errors.ts'
import { suggestion } from './near-miss.ts'
import { showText, showValue } from './show-value.ts'

export type PlainObject = Readonly<Record<string, unknown>>

/** Any set or map of the names that exist. */
export type KnownKeys = Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'> | ReadonlySet<string>

/** An object that was written as one: no array, no class instance; of whatever realm. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false
  try {
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === null || Object.getPrototypeOf(prototype) === null
  } catch {
    // A proxy that does not want to be looked at.
    return false
  }
}

/**
 * Options as a plain object with known keys only; nothing given is `{}`, and a key whose value is `undefined`
 * counts as not given.
 *
 * @param what whose options they are, for messages: `addJob`
 * @throws KT_OPTION_INVALID, KT_OPTION_UNKNOWN
 */
export function readOptions(value: unknown, known: KnownKeys, what: string): PlainObject {
  if (value === undefined) return {}
  if (!isPlainObject(value)) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `${what}: the options must be a plain object, not ${showValue(value)}.`,
    )
  }
  const options = copied(value, what)
  for (const key of Object.keys(options)) {
    if (!known.has(key)) throw unknownOption(key, known, what)
  }
  return options
}

/** Read once: getters are their owner's code, may throw, and need not answer the same twice. */
function copied(value: PlainObject, what: string): PlainObject {
  try {
    return { ...value }
  } catch (cause) {
    throw new KongTaskError(
      'KT_OPTION_INVALID',
      `${what}: the options cannot be read; the cause has the error.`,
      {
        cause,
      },
    )
  }
}

function unknownOption(key: string, known: KnownKeys, what: string): KongTaskError {
  const list = Array.from(known.keys()).join(', ')
  return new KongTaskError(
    'KT_OPTION_UNKNOWN',
    `${what}: there is no option ${showText(key)}.${suggestion(key, known.keys())} Known options: ${list}.`,
  )
}
