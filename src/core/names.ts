import { KongTaskError } from './errors.ts'
import { showValue } from './show-value.ts'
import { textFlaw } from './storable-text.ts'

const NAME = /^[A-Za-z0-9_.:/-]{1,128}$/
const LONGEST_LABEL = 100
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,47}$/

/** The words that PostgreSQL 14 to 18 do not take as the name of a schema without quotes. */
const SQL_KEYWORDS: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
  collation column concurrently constraint create cross current_catalog current_date current_role
  current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
  except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
  is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
  only or order outer overlaps placing primary references returning right select session_user similar some
  symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
  where window with`.split(/\s+/),
)

/** @throws KT_NAME_INVALID */
export function checkTaskName(value: unknown): string {
  return checkName(value, 'task')
}

/** @throws KT_NAME_INVALID */
export function checkQueueName(value: unknown): string {
  return checkName(value, 'queue')
}

/** @throws KT_NAME_INVALID */
export function checkScheduleName(value: unknown): string {
  return checkName(value, 'schedule')
}

/** @throws KT_NAME_INVALID */
export function checkApplicationName(value: unknown): string {
  return checkName(value, 'application')
}

function checkName(value: unknown, kind: 'task' | 'queue' | 'schedule' | 'application'): string {
  if (typeof value === 'string' && NAME.test(value)) return value
  throw new KongTaskError(
    'KT_NAME_INVALID',
    `${showValue(value)} is not a ${kind} name. Use 1 to 128 letters, digits and _ . : / - (no spaces).`,
  )
}

/** @throws KT_NAME_INVALID */
export function checkTag(value: unknown): string {
  return checkLabel(value, 'tag')
}

/** @throws KT_NAME_INVALID */
export function checkFlag(value: unknown): string {
  return checkLabel(value, 'flag')
}

function checkLabel(value: unknown, kind: 'tag' | 'flag'): string {
  const flaw = labelFlaw(value)
  if (flaw === undefined && typeof value === 'string') return value
  throw new KongTaskError(
    'KT_NAME_INVALID',
    `The ${kind} ${showValue(value)} ${flaw}. Use 1 to 100 characters.`,
  )
}

function labelFlaw(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is not a string'
  if (value === '') return 'is empty'
  // PostgreSQL counts code points; a string has at most twice as many UTF-16 units.
  if (value.length > 2 * LONGEST_LABEL || Array.from(value).length > LONGEST_LABEL) return 'is too long'
  return textFlaw(value)
}

/**
 * A schema name that may be put into SQL as it is: the one identifier that is never bound as a value.
 *
 * @throws KT_SCHEMA_NAME_INVALID
 */
export function checkSchemaName(value: unknown): string {
  if (typeof value !== 'string' || !SCHEMA_NAME.test(value)) {
    throw schemaRefusal(value, 'is not a schema name that KongTask takes')
  }
  if (value.startsWith('pg_') || value === 'information_schema')
    throw schemaRefusal(value, 'is reserved by PostgreSQL')
  if (SQL_KEYWORDS.has(value)) throw schemaRefusal(value, 'is an SQL keyword')
  return value
}

function schemaRefusal(value: unknown, why: string): KongTaskError {
  const advice = 'Use up to 48 of a-z, 0-9 and _, not beginning with a digit, such as "kongtask".'
  return new KongTaskError('KT_SCHEMA_NAME_INVALID', `The schema name ${showValue(value)} ${why}. ${advice}`)
}
