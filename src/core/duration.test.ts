import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration, parsePositiveDuration } from './duration.ts'

describe('a duration', () => {
  it.each([
    [0, 0],
    [1500, 1500],
    [1500.4, 1500],
    ['250ms', 250],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['1h1h', 7_200_000],
    ['0s', 0],
    ['100d', 8_640_000_000],
  ])('%j is %d ms', (value, ms) => {
    expect(parseDuration(value, 'timeout')).toBe(ms)
  })

  it.each([
    '',
    ' ',
    '10',
    'm',
    '10 m',
    ' 10m',
    '10m\n',
    '-10m',
    '+1s',
    '1e3s',
    '.5s',
    '5.s',
    '10M',
    '10min',
    '10 minutes',
    '1,5h',
    'PT10M',
    'Infinitys',
    '0x10s',
    '1s'.repeat(60),
    -1,
    -0.6,
    Number.NaN,
    Infinity,
    -Infinity,
    '101y',
    '36526d',
    3_155_760_000_001,
    null,
    undefined,
    true,
    {},
    [],
    [1],
    10n,
    new Date(0),
  ])('%s is refused', (value) => {
    expect(() => parseDuration(value, 'timeout')).toThrow(
      expect.objectContaining({ code: 'KT_DURATION_INVALID', message: expect.stringContaining('`timeout`') }),
    )
  })

  it('names what was given and shows what would do', () => {
    expect(() => parseDuration('10 minutes', 'scheduledIn')).toThrow(
      "`scheduledIn`: \"10 minutes\" is not a duration. Give milliseconds, or a string like '90s', '10m' or '1h30m'.",
    )
    expect(() => parseDuration(-5, 'retain')).toThrow('`retain`: -5 is negative.')
    expect(() => parseDuration('5300w', 'retain')).toThrow('longer than 100 years')
  })

  it('of zero is refused where it makes no sense', () => {
    expect(() => parsePositiveDuration('0s', 'timeout')).toThrow('must be longer than zero')
    expect(() => parsePositiveDuration(0.4, 'timeout')).toThrow('must be longer than zero')
    expect(parsePositiveDuration('1ms', 'timeout')).toBe(1)
  })

  it('as text is what the same number of milliseconds is', () => {
    fc.assert(
      fc.property(fc.nat(20_000), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (amount, unit) => {
        const one = parseDuration(`1${unit}`, 'x')
        expect(parseDuration(`${amount}${unit}`, 'x')).toBe(parseDuration(amount * one, 'x'))
      }),
    )
  })
})
