/** Where in a value something is that JSON cannot carry, and what. */
export interface JsonFlaw {
  readonly path: readonly PropertyKey[]
  /** Reads on after the path: `is a function`. */
  readonly why: string
}

interface Finding {
  /** From the flaw outward: filled in on the way back only, so that sound values cost nothing. */
  readonly reversedPath: PropertyKey[]
  readonly why: string
}

/** The objects that hold the one at hand; kept only when there is reason to look for circles. */
type Ancestors = Set<object> | undefined

/** Deeper values are refused: PostgreSQL's JSON parser recurses, and so do most validators. */
export const DEEPEST = 1_000

/** What JSON.stringify makes `{}` of without a word, or an object that nobody meant. */
const LOSSY =
  /^\[object ((?:Weak)?(?:Map|Set)|WeakRef|Promise|RegExp|Error|Arguments|Number|String|Boolean|BigInt|Symbol|\w*Array\w*|DataView)\]$/

/**
 * The first value that would not come back from JSON as it went in: functions, symbols, big integers, NaN and
 * infinities, `undefined` in arrays, invalid dates, maps and sets, objects within themselves.
 * A property that is `undefined` counts as absent, and `toJSON` is heeded.
 */
export function findJsonFlaw(value: unknown, mayBeCircular: boolean): JsonFlaw | undefined {
  const finding = walkPresent(value, 0, mayBeCircular ? new Set() : undefined)
  return finding && { path: finding.reversedPath.toReversed(), why: finding.why }
}

function walkPresent(value: unknown, depth: number, ancestors: Ancestors): Finding | undefined {
  return value === undefined ? found('is undefined') : walk(value, depth, ancestors)
}

function walk(value: unknown, depth: number, ancestors: Ancestors): Finding | undefined {
  if (typeof value === 'object') return value === null ? undefined : walkObject(value, depth, ancestors)
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : found(`is ${value}, which JSON does not have`)
  }
  if (typeof value === 'bigint') return found('is a BigInt')
  if (typeof value === 'function' || typeof value === 'symbol') return found(`is a ${typeof value}`)
  return undefined
}

function walkObject(value: object, depth: number, ancestors: Ancestors): Finding | undefined {
  if (!('toJSON' in value) || typeof value.toJSON !== 'function') return walkContents(value, depth, ancestors)
  if (value instanceof Date && Number.isNaN(value.getTime())) return found('is an invalid Date')
  let converted: unknown
  try {
    converted = value.toJSON('')
  } catch {
    return found('has a toJSON method that throws')
  }
  // JSON.stringify asks once only: a toJSON method on the result is not called.
  if (typeof converted === 'object' && converted !== null) return walkContents(converted, depth, ancestors)
  return walkPresent(converted, depth, ancestors)
}

function walkContents(value: object, depth: number, ancestors: Ancestors): Finding | undefined {
  if (ancestors?.has(value) === true) return found('refers back to an object that holds it')
  if (depth >= DEEPEST) return found(`is nested deeper than ${DEEPEST} levels`)
  ancestors?.add(value)
  const finding = Array.isArray(value)
    ? walkItems(value, depth + 1, ancestors)
    : walkProperties(value, depth + 1, ancestors)
  ancestors?.delete(value)
  return finding
}

function walkItems(items: readonly unknown[], depth: number, ancestors: Ancestors): Finding | undefined {
  // By index, since only that meets holes.
  for (let index = 0; index < items.length; index++) {
    const finding = walkPresent(items[index], depth, ancestors)
    if (finding !== undefined) return within(index, finding)
  }
  return undefined
}

function walkProperties(value: object, depth: number, ancestors: Ancestors): Finding | undefined {
  const loss = lossOf(value)
  if (loss !== undefined) return found(loss)
  for (const key of Object.keys(value)) {
    const finding = walk(Reflect.get(value, key), depth, ancestors)
    if (finding !== undefined) return within(key, finding)
  }
  return undefined
}

function lossOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return undefined
  const kind = LOSSY.exec(Object.prototype.toString.call(value))?.[1]
  if (kind !== undefined) return `is of type ${kind}, whose contents JSON does not carry`
  // An instance that keeps everything in private fields. (A plain object of another realm has no grandparent.)
  const isEmpty = Object.keys(value).length === 0 && Object.getPrototypeOf(prototype) !== null
  return isEmpty ? 'is a class instance without properties, of which JSON would keep nothing' : undefined
}

function found(why: string): Finding {
  return { reversedPath: [], why }
}

function within(key: string | number, finding: Finding): Finding {
  finding.reversedPath.push(key)
  return finding
}
