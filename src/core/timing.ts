import { readPattern, type CronPattern, type PatternField } from './cron-pattern.ts'
import { KongTaskError } from './errors.ts'
import { parseDuration } from './duration.ts'
import { suggestion } from './near-miss.ts'
import { showText, showValue } from './show-value.ts'
import { SyntaxFlaw } from './syntax-flaw.ts'

/** When a schedule comes: by the calendar, or every so many milliseconds, counted from 1970. */
export type Timing =
  | { readonly kind: 'calendar'; readonly pattern: CronPattern }
  | { readonly kind: 'every'; readonly interval: number }

const MACROS: ReadonlyMap<string, string> = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
])
const SHORTEST = 1_000
const LONGEST = 366 * 86_400_000

/**
 * A cron expression: five fields, six with the seconds first, `@daily` and its like, or `@every 90s`.
 *
 * @throws KT_SCHEDULE_INVALID with the column and the reason of each flaw
 */
export function parseTiming(expression: unknown): Timing {
  if (typeof expression !== 'string') {
    throw new KongTaskError(
      'KT_SCHEDULE_INVALID',
      `A schedule needs a cron expression, such as '0 6 * * *' or '@every 90s', not ${showValue(expression)}.`,
    )
  }
  const flaws: SyntaxFlaw[] = []
  const timing = readTiming(fieldsOf(expression), expression.trimEnd().length, (flaw) => flaws.push(flaw))
  if (timing !== undefined) return timing
  const reasons = flaws.map(({ at, message }) => `column ${at + 1}: ${message}`)
  throw new KongTaskError(
    'KT_SCHEDULE_INVALID',
    `The cron expression ${showText(expression)} cannot be read. ${reasons.join('; ')}.`,
  )
}

/** What stands between spaces. */
export function fieldsOf(text: string): readonly PatternField[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], at: match.index }))
}

/** The timing that these fields are; every flaw goes to `onFlaw`. `end`: where something is missing. */
export function readTiming(
  fields: readonly PatternField[],
  end: number,
  onFlaw: (flaw: SyntaxFlaw) => void,
): Timing | undefined {
  const [first, second, ...more] = fields
  if (first === undefined) {
    onFlaw(new SyntaxFlaw(end, 'it is empty'))
    return undefined
  }
  if (first.text.startsWith('@')) return readMacro(first, second, more[0], onFlaw)
  if (fields.length < 5 || fields.length > 6) {
    const count = `${fields.length} field${fields.length === 1 ? '' : 's'}`
    onFlaw(
      new SyntaxFlaw(
        fields[6]?.at ?? end,
        `it has ${count}; give five (minute, hour, day, month, day of the week), or six with the seconds first`,
      ),
    )
    return undefined
  }
  const pattern = readPattern(fields, onFlaw)
  return pattern && { kind: 'calendar', pattern }
}

function readMacro(
  macro: PatternField,
  argument: PatternField | undefined,
  more: PatternField | undefined,
  onFlaw: (flaw: SyntaxFlaw) => void,
): Timing | undefined {
  const isEvery = macro.text === '@every'
  const stray = isEvery ? more : argument
  if (stray !== undefined) {
    onFlaw(new SyntaxFlaw(stray.at, `nothing may follow ${isEvery ? 'the time of @every' : macro.text}`))
    return undefined
  }
  if (isEvery) return readEvery(macro, argument, onFlaw)
  const meaning = MACROS.get(macro.text)
  if (meaning === undefined) {
    const known = [...MACROS.keys(), '@every']
    onFlaw(
      new SyntaxFlaw(
        macro.at,
        `there is no ${showText(macro.text)}.${suggestion(macro.text, known)} There are ${known.join(', ')}`,
      ),
    )
    return undefined
  }
  const pattern = readPattern(fieldsOf(meaning), onFlaw)
  return pattern && { kind: 'calendar', pattern }
}

function readEvery(
  macro: PatternField,
  argument: PatternField | undefined,
  onFlaw: (flaw: SyntaxFlaw) => void,
): Timing | undefined {
  if (argument === undefined) {
    onFlaw(new SyntaxFlaw(macro.at + macro.text.length, '@every needs a length of time, such as @every 90s'))
    return undefined
  }
  const interval = durationOf(argument.text)
  if (interval === undefined || interval < SHORTEST || interval > LONGEST || interval % 1_000 !== 0) {
    onFlaw(
      new SyntaxFlaw(
        argument.at,
        `${showText(argument.text)} must be whole seconds, 1s to 366d, such as 90s or 1h30m`,
      ),
    )
    return undefined
  }
  return { kind: 'every', interval }
}

/** Milliseconds; a plain number has no unit, and is none. */
function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text, '@every')
  } catch {
    return undefined
  }
}
