// The ticks of crontab lines, found by walking over all minutes and asking Intl what the clocks show: slow, simple, and with
// nothing of the code that it judges. It reads cron fields by itself, too.

const MINUTE = 60_000

/** A minute as the clocks of a zone show it. */
interface LocalMinute {
  /** Its day's beginning, as the ms that this would be in UTC. */
  readonly date: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly weekday: number
  /** Days of its month. */
  readonly length: number
}

type Matcher = (local: LocalMinute) => boolean

const WORDS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'].map((word, index) => [word, index]),
  ),
  ...Object.fromEntries(
    ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'].map(
      (word, index) => [word, index + 1],
    ),
  ),
}

const number = (text = ''): number => WORDS[text] ?? Number(text)

/** Whether a plain field has this value. */
function has(field: string, value: number, least: number): boolean {
  return field.split(',').some((part) => {
    const [range = '', step = '1'] = part.split('/')
    if (range === '*') return (value - least) % Number(step) === 0
    const [from = '', to = from] = range.split('-')
    const end = number(to) < number(from) ? 7 : number(to)
    if (value < number(from) || value > end) return false
    return (value - number(from)) % Number(step) === 0
  })
}

function valuesOf(field: string, count: number, least: number): readonly boolean[] {
  return [...Array(count).keys()].map((value) => has(field, value, least))
}

function isLast(field: string, { day, length }: LocalMinute): boolean {
  return field.split(',').includes('L') && day === length
}

function isWeekday(field: string, { weekday, day, length }: LocalMinute): boolean {
  return field.split(',').some((part) => {
    const [name, nth] = part.split('#')
    if (nth !== undefined) {
      return number(name) % 7 === weekday && day > (Number(nth) - 1) * 7 && day <= Number(nth) * 7
    }
    if (/.L$/.test(part)) return number(part.slice(0, -1)) % 7 === weekday && day > length - 7
    return has(part, weekday, 0) || (weekday === 0 && part !== '*' && has(part, 7, 0))
  })
}

function matcherOf(expression: string): Matcher {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = expression.split(' ')
  const plainDay = day
    .split(',')
    .filter((part) => part !== 'L')
    .join(',')
  const anyDay = [...Array(31).keys()].every((index) => plainDay !== '' && has(plainDay, index + 1, 1))
  const noLength = { date: 0, month: 1, day: 8, hour: 0, minute: 0, length: 31 }
  const anyWeekday =
    !/[#L]/.test(weekday) &&
    [...Array(7).keys()].every((index) => isWeekday(weekday, { ...noLength, weekday: index }))
  const isDay = (local: LocalMinute): boolean => {
    const onDay = (plainDay !== '' && has(plainDay, local.day, 1)) || isLast(day, local)
    const onWeekday = isWeekday(weekday, local)
    if (!anyDay && !anyWeekday) return onDay || onWeekday
    return onDay && onWeekday
  }
  // The minutes of a day follow each other.
  let lastDate = Number.NaN
  let isThatDay = false
  // Looked up: it is asked 26 million times for each line.
  const minutes = valuesOf(minute, 60, 0)
  const hours = valuesOf(hour, 24, 0)
  const months = valuesOf(month, 13, 1)
  return (local) => {
    if (minutes[local.minute] !== true || hours[local.hour] !== true || months[local.month] !== true)
      return false
    if (local.date !== lastDate) {
      lastDate = local.date
      isThatDay = isDay(local)
    }
    return isThatDay
  }
}

function localMinute(local: number): LocalMinute {
  const date = new Date(local)
  return {
    date: Math.floor(local / (1_440 * MINUTE)),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    weekday: date.getUTCDay(),
    length: new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
  }
}

/** What the clocks of a zone show at an instant, as the ms that this would be in UTC. */
export function clocksOf(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const digits = (text: string, from: number, to: number): number => Number(text.slice(from, to))
  return (instant) => {
    const text = format.format(instant)
    return Date.UTC(
      digits(text, 0, 4),
      digits(text, 5, 7) - 1,
      digits(text, 8, 10),
      digits(text, 11, 13),
      digits(text, 14, 16),
      digits(text, 17, 19),
    )
  }
}

/**
 * For each expression (five fields) its ticks in `[from, to)`. What is of every hour comes with each minute that the clocks
 * show; anything else once for each minute of the calendar: when the clocks show it first, or as much later as they were
 * put forward, where they leave it out.
 */
export function bruteForce(
  expressions: readonly string[],
  zone: string,
  from: number,
  to: number,
): ReadonlyMap<string, readonly number[]> {
  const clocks = clocksOf(zone)
  const each = expressions.map((expression) => ({
    expression,
    matches: matcherOf(expression),
    isOfEveryHour: [...Array(24).keys()].every((hour) => has(expression.split(' ')[1] ?? '', hour, 0)),
    ticks: new Set<number>(),
  }))
  const start = from - 2 * 1_440 * MINUTE
  let highest = clocks(start - MINUTE)
  let previous = highest
  for (let instant = start; instant < to; instant += MINUTE) {
    const local = clocks(instant)
    for (let left = previous + MINUTE; left < local; left += MINUTE) {
      const minute = localMinute(left)
      const late = instant + (left - previous - MINUTE)
      for (const { matches, isOfEveryHour, ticks } of each)
        if (!isOfEveryHour && matches(minute)) ticks.add(late)
    }
    const isFirstTime = local > highest
    const minute = localMinute(local)
    for (const { matches, isOfEveryHour, ticks } of each) {
      if ((isOfEveryHour || isFirstTime) && matches(minute)) ticks.add(instant)
    }
    highest = Math.max(highest, local)
    previous = local
  }
  return new Map(
    each.map(({ expression, ticks }) => [
      expression,
      [...ticks].filter((tick) => tick >= from && tick < to).toSorted((a, b) => a - b),
    ]),
  )
}

/** The instants at which the clocks of a zone are changed, to the minute. */
export function changesOf(zone: string, from: number, to: number): readonly number[] {
  const clocks = clocksOf(zone)
  const offset = (instant: number): number => clocks(instant) - instant
  const changes: number[] = []
  for (let hour = from; hour < to; hour += 60 * MINUTE) {
    if (offset(hour) === offset(hour + 60 * MINUTE)) continue
    let minute = hour
    while (offset(minute) === offset(hour)) minute += MINUTE
    changes.push(minute)
  }
  return changes
}
