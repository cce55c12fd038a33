import { KongTaskError } from './errors.ts'
import type { Job } from './job.ts'
import { checkInteger } from './option-values.ts'
import { readOptions } from './plain-object.ts'
import { showValue } from './show-value.ts'

/** Where a page ended: text to hand back as `after`, for the same filter. What is in it may change. */
export type Cursor = string

/** Which page. */
export interface PageOptions {
  /** Jobs on the page: 1 to 1000. @default 100 */
  readonly limit?: number | undefined
  /** `next` of the page before. @default the newest */
  readonly after?: Cursor | undefined
  /** Jobs to look at before the page ends, be it ever so empty: 1 to 100,000. @default 10,000 */
  readonly scan?: number | undefined
}

/** Jobs, newest first by id. */
export interface JobPage {
  readonly jobs: readonly Job[]
  /** Where the next page begins; undefined where there is nothing left. A page that found few may well have a next one. */
  readonly next: Cursor | undefined
  /** How many jobs were looked at for this page. */
  readonly scanned: number
}

/** Page options, checked. */
export interface CheckedPage {
  readonly limit: number
  readonly before: string | undefined
  readonly scan: number
}

const KNOWN: ReadonlySet<string> = new Set(['limit', 'after', 'scan'])
const MOST = 1_000
const FURTHEST = 100_000
const DEFAULTS = { limit: 100, scan: 10_000 }

/**
 * @param what whose page it is, for messages: `jobs.list`
 * @throws KT_OPTION_UNKNOWN, KT_OPTION_INVALID
 */
export function readPage(value: unknown, what: string): CheckedPage {
  const { limit = DEFAULTS.limit, after, scan = DEFAULTS.scan } = readOptions(value, KNOWN, what)
  return {
    limit: checkInteger(limit, 'limit', 1, MOST),
    before: after === undefined ? undefined : positionOf(after),
    scan: checkInteger(scan, 'scan', 1, FURTHEST),
  }
}

export function cursorOf(position: string | undefined): Cursor | undefined {
  return position === undefined ? undefined : `b${position}`
}

function positionOf(cursor: unknown): string {
  const [, position] = typeof cursor === 'string' ? (/^b(\d{1,18})$/.exec(cursor) ?? []) : []
  if (position !== undefined) return position
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`after\` must be \`next\` of the page before, not ${showValue(cursor)}.`,
  )
}
