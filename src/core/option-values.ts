import { KongTaskError } from './errors.ts'
import { jsonPath } from './json-path.ts'
import { byteLength, isLargerThan, jsonText } from './json-text.ts'
import type { Json, JsonObject } from './json.ts'
import { checkFlag, checkTag } from './names.ts'
import type { NewJobOptions, OnConflict } from './new-job.ts'
import { isPlainObject } from './plain-object.ts'
import { showValue } from './show-value.ts'
import { textFlaw } from './storable-text.ts'

const MOST_LABELS = 32
const LONGEST_KEY = 512
const LARGEST_METADATA = 16 * 1024

/** 0 to 15, lower runs first. @throws KT_OPTION_INVALID */
export function checkPriority(value: unknown): number {
  return checkInteger(value, 'priority', 0, 15)
}

/** 1 to 32767. @throws KT_OPTION_INVALID */
export function checkMaxAttempts(value: unknown): number {
  return checkInteger(value, 'maxAttempts', 1, 32_767)
}

/** Up to 32 tags. @throws KT_OPTION_INVALID, KT_NAME_INVALID */
export function checkTags(value: unknown): readonly string[] {
  return checkLabels(value, 'tags', checkTag)
}

/** Up to 32 flags. @throws KT_OPTION_INVALID, KT_NAME_INVALID */
export function checkFlags(value: unknown): readonly string[] {
  return checkLabels(value, 'flags', checkFlag)
}

/** Text of 1 to 512 bytes. @throws KT_OPTION_INVALID */
export function checkKey(value: unknown, option: string): string {
  if (typeof value !== 'string') throw invalid(option, value, 'must be a string')
  const flaw = textFlaw(value)
  if (flaw !== undefined) throw new KongTaskError('KT_OPTION_INVALID', `\`${option}\` ${flaw}.`)
  if (value === '' || byteLength(value) > LONGEST_KEY) {
    throw invalid(option, value, `must be text of 1 to ${LONGEST_KEY} bytes`)
  }
  return value
}

/** @throws KT_OPTION_INVALID */
export function checkOnConflict(value: unknown): OnConflict {
  if (value === 'skip' || value === 'replace' || value === 'keep_schedule') return value
  throw invalid('onConflict', value, "must be 'skip', 'replace' or 'keep_schedule'")
}

/** @throws KT_OPTION_INVALID */
export function checkConflictHasKey({ onConflict, uniqueKey, uniqueFor }: NewJobOptions): void {
  if (onConflict === undefined || uniqueKey !== undefined || uniqueFor !== undefined) return
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    '`onConflict` says what to do about a key, and needs `uniqueKey` or `uniqueFor` beside it.',
  )
}

function checkLabels(value: unknown, option: string, check: (label: unknown) => string): readonly string[] {
  const labels = readLabels(value, option)
  if (labels === undefined) throw invalid(option, value, 'must be an array of strings')
  if (labels.length > MOST_LABELS) throw invalid(option, value, `may hold at most ${MOST_LABELS} entries`)
  return Object.freeze(labels.map((label) => check(label)))
}

/** Read once, holes as `undefined`, no more than is needed to see that there are too many: it may be a proxy. */
function readLabels(value: unknown, option: string): readonly unknown[] | undefined {
  try {
    if (!Array.isArray(value)) return undefined
    const length = Math.min(value.length, MOST_LABELS + 1)
    return Array.from({ length }, (_, index): unknown => value[index])
  } catch (cause) {
    throw new KongTaskError('KT_OPTION_INVALID', `\`${option}\` cannot be read; the cause has the error.`, {
      cause,
    })
  }
}

/** A plain object of up to 16 KiB as JSON; returned as it will be stored. @throws KT_OPTION_INVALID */
export function checkMetadata(value: unknown): JsonObject {
  if (!isPlainObject(value)) throw invalid('metadata', value, 'must be a plain object')
  const text = jsonText(value, (flaw) => {
    const path = jsonPath(['metadata', ...flaw.path])
    return new KongTaskError('KT_OPTION_INVALID', `\`${path}\` ${flaw.why}. Metadata must be plain JSON.`)
  })
  if (isLargerThan(text, LARGEST_METADATA)) {
    throw invalid('metadata', value, `may be at most ${LARGEST_METADATA} bytes as JSON`)
  }
  const stored: Json = JSON.parse(text)
  // The root has a toJSON method of its own.
  if (!isJsonObject(stored)) throw invalid('metadata', value, 'must be a plain object')
  return stored
}

/** A whole number within limits, both included. @throws KT_OPTION_INVALID */
export function checkInteger(value: unknown, option: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(option, value, `must be a whole number from ${least} to ${most}`)
}

export function invalid(option: string, value: unknown, rule: string): KongTaskError {
  return new KongTaskError('KT_OPTION_INVALID', `\`${option}\` ${rule}, not ${showValue(value)}.`)
}

function isJsonObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
