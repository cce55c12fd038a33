import { describe, expect, it } from 'vitest'
import { CrontabError } from './crontab-error.ts'
import { parseCrontab } from './crontab.ts'

const flawsOf = (text: string): string[] => {
  try {
    parseCrontab(text)
  } catch (error) {
    if (error instanceof CrontabError)
      return error.flaws.map(({ line, column, reason }) => `${line}:${column} ${reason}`)
    throw error
  }
  return []
}

describe('a crontab', () => {
  it('has a schedule a line, with options and payload, between comments and empty lines', () => {
    const specs = parseCrontab(
      [
        '# the night',
        '',
        '  */5 * * * * sync',
        '30 2 * * MON-FRI report:daily ?id=nightly&fill=1w2d3h4m5s&max=3&queue=slow&priority=7&tz=Europe/Berlin {"to": "a b", "n": [1]}\r',
        '\t# by seconds',
        '*/10 0 6 * * * tick ?catchUp=latest&within=2h',
        '@every 90s poll',
        '@daily clean {"deep":true}',
        '0 6 * * * keyed ?jobKey=one',
        '0 6 * * * throttled ?jobKey=a%20b&jobKeyMode=preserve_run_at',
      ].join('\n'),
    )
    const twoDays = 2 * 86_400_000
    const plain = {
      tz: 'UTC',
      catchUp: 'none',
      within: twoDays,
      payload: undefined,
      job: undefined,
      source: 'crontab',
    }
    expect(specs.map((spec) => ({ ...spec }))).toMatchObject([
      { ...plain, name: 'sync', task: 'sync', expression: '*/5 * * * *' },
      {
        ...plain,
        name: 'nightly',
        task: 'report:daily',
        expression: '30 2 * * MON-FRI',
        tz: 'Europe/Berlin',
        catchUp: 'all',
        within: 788_645_000,
        job: { maxAttempts: 3, queue: 'slow', priority: 7 },
        payload: { to: 'a b', n: [1] },
      },
      { ...plain, name: 'tick', expression: '*/10 0 6 * * *', catchUp: 'latest', within: 7_200_000 },
      { ...plain, name: 'poll', expression: '@every 90s' },
      { ...plain, name: 'clean', expression: '@daily', payload: { deep: true } },
      { ...plain, name: 'keyed', job: { uniqueKey: 'one', onConflict: 'replace' } },
      { ...plain, name: 'throttled', job: { uniqueKey: 'a b', onConflict: 'keep_schedule' } },
    ])
  })

  it.each([
    ['61 * * * * task', '1:1 "61" is no minute: give 0 to 59'],
    ['* 24 * * * task', '1:3 "24" is no hour: give 0 to 23'],
    ['* * 0 * * task', '1:5 "0" is no day of the month: give 1 to 31'],
    [
      '* * * 13 * task',
      '1:7 "13" is no month: give 1 to 12, or JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC',
    ],
    ['* * * * 8 task', '1:9 "8" is no day of the week: give 0 to 6, or SUN, MON, TUE, WED, THU, FRI, SAT'],
    [
      '* * * * MOON task',
      '1:9 "MOON" is no day of the week: give 0 to 6, or SUN, MON, TUE, WED, THU, FRI, SAT',
    ],
    ['60 * * * * * task', '1:1 "60" is no second: give 0 to 59'],
    ['5,,6 * * * * task', '1:3 the minute has nothing between two commas'],
    ['5- * * * * task', '1:1 "5-" is no minute: give 0 to 59, a range such as 0-4, or a step such as */2'],
    [
      '*/0 * * * * task',
      '1:3 the step "0" of the minute must be 1 to 60; for other lengths of time there is @every',
    ],
    [
      '*/90 * * * * task',
      '1:3 the step "90" of the minute must be 1 to 60; for other lengths of time there is @every',
    ],
    ['5/10 * * * * task', '1:1 "5/10" steps from a single number: write 5-59/10'],
    ['30-10 * * * * task', '1:1 the range "30-10" ends before it begins'],
    ['0 0 30 2 * task', '1:5 no month of these has such a day, so it would never come'],
    ['0 0 * * L task', '1:9 the last of which day? Write 5L or FRIL for the last Friday of the month'],
    ['0 0 * * MON#6 task', '1:9 "MON#6" is none of the up to five of its kind in a month'],
    ['0 6 * * task', '1:13 there are five words, but it takes five fields and a task'],
    [
      '0 6 *',
      '1:6 it has 3 words; give five fields (minute, hour, day of the month, month, day of the week) and the task',
    ],
    ['1 2 3 4 5 6 task extra', '1:18 "extra" is neither options (?id=…) nor a payload ({…})'],
    ['@daily', '1:7 the task is missing'],
    ['@every', '1:7 @every needs a length of time, such as @every 90s, and a task'],
    ['@every 90 task', '1:8 "90" must be whole seconds, 1s to 366d, such as 90s or 1h30m'],
    ['@every 500ms task', '1:8 "500ms" must be whole seconds, 1s to 366d, such as 90s or 1h30m'],
    [
      '@dayly task',
      '1:1 there is no "@dayly". Did you mean "@daily"? There are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @every',
    ],
    [
      '* * * * * ta$k',
      '1:11 "ta$k" is not a task name. Use 1 to 128 letters, digits and _ . : / - (no spaces).',
    ],
    [
      '* * * * * task ?idd=a',
      '1:17 there is no option "idd". Did you mean "id"? Known options: id, fill, max, queue, priority, tz, catchUp, within, jobKey, jobKeyMode',
    ],
    ['* * * * * task ?id', '1:17 the option "id" has no value; write id=…'],
    ['* * * * * task ?max=1&max=2', '1:23 the option "max" is there twice'],
    ['* * * * * task ?max=0', '1:17 `maxAttempts` must be a whole number from 1 to 32767, not 0.'],
    ['* * * * * task ?max=many', '1:17 `maxAttempts` must be a whole number from 1 to 32767, not "many".'],
    ['* * * * * task ?id=a&priority=-1', '1:22 `priority` must be a whole number from 0 to 15, not -1.'],
    [
      '* * * * * task ?fill=2x',
      "1:17 `fill`: \"2x\" is not a duration. Give milliseconds, or a string like '90s', '10m' or '1h30m'.",
    ],
    [
      '* * * * * task ?tz=Mars/Olympus',
      "1:17 `tz` must be a time zone such as 'Europe/Berlin' or 'UTC', not \"Mars/Olympus\". (An offset is no time zone; 'Etc/GMT-2' is two hours ahead of UTC.)",
    ],
    [
      '* * * * * task ?fill=1d&catchUp=all',
      '1:16 `fill` says what to catch up; `catchUp` cannot stand beside it',
    ],
    ['* * * * * task ?id=%zz', '1:17 "%zz" is not percent-encoded as it should be.'],
    ['* * * * * task {"a": 1,}', '1:24 the payload is no JSON: Expected double-quoted property name'],
    ['* * * * * task {a: 1}', "1:17 the payload is no JSON: Expected property name or '}'"],
    ['* * * * * task {"a": }', "1:23 the payload is no JSON: Unexpected token '}'"],
    ['* * * * * task {"a": nul}', "1:26 the payload is no JSON: Unexpected token '}'"],
    ['* * * * * task {"a": 1', "1:23 the payload is no JSON: Expected ',' or '}' after property value"],
    ['* * * * * task ?id=a [1]', '1:22 "[1]" is no payload: a JSON object is expected, {…}'],
    [
      '* * * * * task {"a": "\\u0000"}',
      '1:16 the payload holds the character \\u0000, which PostgreSQL cannot store',
    ],
  ])('says where and why: %s', (line, flaw) => {
    expect(flawsOf(line)).toEqual([flaw])
  })

  it('tells every flaw of the file at once, in order', () => {
    expect(
      flawsOf(
        ['# fine', '* * * * * fine', '99 25 * * * a ?id=x&no=1 {', '', '* * * * * fine', '@hourly'].join(
          '\n',
        ),
      ),
    ).toEqual([
      '3:1 "99" is no minute: give 0 to 59',
      '3:4 "25" is no hour: give 0 to 23',
      '3:21 there is no option "no". Known options: id, fill, max, queue, priority, tz, catchUp, within, jobKey, jobKeyMode',
      "3:27 the payload is no JSON: Expected property name or '}'",
      '5:11 line 2 has the id "fine" already; give one of them another with ?id=',
      '6:8 the task is missing',
    ])
  })

  it('shows the first twenty in its message, and has all of them', () => {
    const text = Array.from({ length: 25 }, () => 'x').join('\n')
    expect(flawsOf(text)).toHaveLength(25)
    expect(() => parseCrontab(text)).toThrow(
      /^The crontab cannot be read:\n1:2 it has 1 word;.*\nand 5 more$/s,
    )
  })
})
