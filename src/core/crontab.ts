import { checkCatchUp } from './catch-up.ts'
import { parsePositiveDuration } from './duration.ts'
import { CrontabError, type CrontabFlaw } from './crontab-error.ts'
import { KongTaskError } from './errors.ts'
import { jsonText } from './json-text.ts'
import { checkQueueName, checkScheduleName, checkTaskName } from './names.ts'
import { checkKey, checkMaxAttempts, checkPriority } from './option-values.ts'
import { suggestion } from './near-miss.ts'
import { specOf, type ScheduleSpec } from './schedule.ts'
import { showText, showValue } from './show-value.ts'
import { SyntaxFlaw } from './syntax-flaw.ts'
import { checkTimeZone } from './time-zone.ts'
import { fieldsOf, readTiming } from './timing.ts'
import type { PatternField } from './cron-pattern.ts'

type Place = PatternField
type OnFlaw = (at: number, reason: string) => void

/**
 * The schedules of a crontab, a line each: five or six fields (or `@daily`, `@every 90s`), the task, options behind a question
 * mark, a JSON object as payload. Lines that begin with `#` are comments.
 *
 * @throws KT_CRONTAB_INVALID: a CrontabError with line, column and reason of every flaw in it
 * @example
 * parseCrontab(`0 6 * * MON-FRI send_report ?tz=Europe/Berlin&fill=2d {"to": "ada@example.org"}`)
 */
export function parseCrontab(text: string): readonly ScheduleSpec[] {
  if (typeof text !== 'string') {
    throw new CrontabError([{ line: 1, column: 1, reason: `a crontab is text, not ${showValue(text)}` }])
  }
  const flaws: CrontabFlaw[] = []
  const specs: ScheduleSpec[] = []
  const lines = new Map<string, number>()
  for (const [index, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    if (/^\s*(#|$)/.test(content)) continue
    const line = index + 1
    const found: CrontabFlaw[] = []
    const entry = readLine(content, (at, reason) => found.push({ line, column: at + 1, reason }))
    const sameName = entry && lines.get(entry.spec.name)
    if (entry !== undefined && sameName !== undefined) {
      const reason = `line ${sameName} has the id ${showText(entry.spec.name)} already; give one of them another with ?id=`
      found.push({ line, column: entry.task.at + 1, reason })
    }
    flaws.push(...found.toSorted((a, b) => a.column - b.column))
    if (entry === undefined || found.length > 0) continue
    lines.set(entry.spec.name, line)
    specs.push(entry.spec)
  }
  if (flaws.length > 0) throw new CrontabError(flaws)
  return specs
}

interface Entry {
  readonly spec: ScheduleSpec
  readonly task: Place
}

function readLine(content: string, onFlaw: OnFlaw): Entry | undefined {
  const words = fieldsOf(content)
  const behind = words.findIndex(({ text }) => /^[?{]/.test(text))
  const header = behind < 0 ? words : words.slice(0, behind)
  const fieldCount = timingLength(header)
  const task = header[fieldCount]
  const end = header.at(-1)
  const endAt = end === undefined ? 0 : end.at + end.text.length
  let expression: string | undefined
  if (header.length - 1 < fieldCount || task === undefined) {
    onFlaw(endAt, missing(header))
  } else {
    const fields = header.slice(0, fieldCount)
    const last = fields.at(-1)
    const flaw = ({ at, message }: SyntaxFlaw): void => onFlaw(at, message)
    const timing = readTiming(fields, last === undefined ? 0 : last.at + last.text.length, flaw)
    if (timing !== undefined) expression = fields.map(({ text }) => text).join(' ')
  }
  const name = task && attempt(task.at, onFlaw, () => checkTaskName(task.text))
  const stray = task === undefined ? undefined : header[fieldCount + 1]
  if (stray !== undefined) {
    onFlaw(stray.at, `${showText(stray.text)} is neither options (?id=…) nor a payload ({…})`)
  }
  const [first] = behind < 0 ? [] : words.slice(behind)
  const hasOptions = first?.text.startsWith('?') === true
  const options = hasOptions ? readOptions(first, onFlaw) : {}
  const rest = hasOptions ? words[behind + 1] : first
  const payload = rest && readPayload(content, rest, onFlaw)
  if (expression === undefined || name === undefined || task === undefined || options === undefined)
    return undefined
  const spec = attempt(task.at, onFlaw, () =>
    specOf({ expression, task: name, payload, options, source: 'crontab' }),
  )
  return spec && { spec, task }
}

/** How many words the timing takes: six fields where the seventh word is the task. */
function timingLength(header: readonly Place[]): number {
  const [first] = header
  if (first?.text === '@every') return 2
  if (first?.text.startsWith('@') === true) return 1
  return Math.min(Math.max(header.length - 1, 5), 6)
}

function missing(header: readonly Place[]): string {
  const [first] = header
  if (first?.text.startsWith('@') === true) {
    return first.text === '@every' && header.length < 2
      ? '@every needs a length of time, such as @every 90s, and a task'
      : 'the task is missing'
  }
  return header.length === 5
    ? 'there are five words, but it takes five fields and a task'
    : `it has ${header.length} word${header.length === 1 ? '' : 's'}; give five fields (minute, hour, day of the month, month, day of the week) and the task`
}

/** How each option of a line is read, into options of `schedule`. */
const OPTIONS: Readonly<Record<string, (value: string) => Readonly<Record<string, unknown>>>> = {
  id: (value) => ({ name: checkScheduleName(value) }),
  fill: (value) => ({ catchUp: 'all', within: parsePositiveDuration(value, 'fill') }),
  max: (value) => ({ maxAttempts: checkMaxAttempts(wholeNumber(value)) }),
  queue: (value) => ({ queue: checkQueueName(value) }),
  priority: (value) => ({ priority: checkPriority(wholeNumber(value)) }),
  tz: (value) => ({ tz: checkTimeZone(value) }),
  catchUp: (value) => ({ catchUp: checkCatchUp(value) }),
  within: (value) => ({ within: parsePositiveDuration(value, 'within') }),
  jobKey: (value) => ({ uniqueKey: checkKey(value, 'jobKey') }),
  jobKeyMode: (value) => ({ onConflict: conflictOf(value) }),
}

function wholeNumber(text: string): unknown {
  return /^-?\d+$/.test(text) ? Number(text) : text
}

function conflictOf(mode: string): string {
  if (mode === 'replace') return 'replace'
  if (mode === 'preserve_run_at') return 'keep_schedule'
  throw new KongTaskError(
    'KT_OPTION_INVALID',
    `\`jobKeyMode\` must be 'replace' or 'preserve_run_at', not ${showText(mode)}.`,
  )
}

function readOptions({ text, at }: Place, onFlaw: OnFlaw): Readonly<Record<string, unknown>> | undefined {
  const options: Record<string, unknown> = {}
  const seen = new Set<string>()
  let isSound = true
  let place = at + 1
  for (const pair of text.slice(1).split('&')) {
    const [key = '', ...rest] = pair.split('=')
    const here = place
    place += pair.length + 1
    const flaw: OnFlaw = (_at, reason) => {
      isSound = false
      onFlaw(here, reason)
    }
    if (!Object.hasOwn(OPTIONS, key)) {
      const known = Object.keys(OPTIONS)
      flaw(
        here,
        `there is no option ${showText(key)}.${suggestion(key, known)} Known options: ${known.join(', ')}`,
      )
    } else if (rest.length === 0) {
      flaw(here, `the option ${showText(key)} has no value; write ${key}=…`)
    } else if (seen.has(key)) {
      flaw(here, `the option ${showText(key)} is there twice`)
    } else {
      seen.add(key)
      const read = attempt(here, flaw, () => OPTIONS[key]?.(decoded(rest.join('='))))
      Object.assign(options, read)
    }
  }
  if (seen.has('jobKey') && !seen.has('jobKeyMode')) options['onConflict'] = 'replace'
  if (seen.has('fill') && seen.has('catchUp')) {
    onFlaw(at, '`fill` says what to catch up; `catchUp` cannot stand beside it')
    isSound = false
  }
  return isSound ? options : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new KongTaskError('KT_OPTION_INVALID', `${showText(text)} is not percent-encoded as it should be.`)
  }
}

function readPayload(content: string, { text, at }: Place, onFlaw: OnFlaw): unknown {
  if (!text.startsWith('{')) {
    onFlaw(at, `${showText(text)} is no payload: a JSON object is expected, {…}`)
    return undefined
  }
  const json = content.slice(at).trimEnd()
  try {
    const payload: unknown = JSON.parse(json)
    jsonText(payload, ({ why }) => new SyntaxFlaw(at, `the payload ${why}`))
    return payload
  } catch (error) {
    if (error instanceof SyntaxFlaw) onFlaw(error.at, error.message)
    else onFlaw(at + placeIn(error, json), `the payload is no JSON: ${reasonOf(error)}`)
    return undefined
  }
}

/** Lines that are longer are left to what V8 says of the place. */
const LONGEST_SEARCHED = 4_096

/** V8 says not always where it stopped: it is behind the longest beginning that could go on. */
function placeIn(error: unknown, json: string): number {
  const said = positionOf(error)
  if (said !== undefined || json.length > LONGEST_SEARCHED) return said ?? json.length
  for (let length = 1; length < json.length; length++)
    if (!couldGoOn(json.slice(0, length))) return length - 1
  return json.length
}

function positionOf(error: unknown): number | undefined {
  const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? []
  return position === undefined ? undefined : Number(position)
}

function couldGoOn(beginning: string): boolean {
  try {
    JSON.parse(beginning)
    return true
  } catch (error) {
    if (error instanceof Error && /^Un(expected end|terminated)/.test(error.message)) return true
    return positionOf(error) === beginning.length
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'unreadable'
  return message
    .replace(/(?: in JSON)? at position.*$/s, '')
    .replace(/, (?:\.\.\.)?".*is not valid JSON$/s, '')
}

/** What `read` comes to; where one of our checks throws, its reason is a flaw here. */
function attempt<T>(at: number, onFlaw: OnFlaw, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof KongTaskError)) throw error
    onFlaw(at, error.message)
    return undefined
  }
}
