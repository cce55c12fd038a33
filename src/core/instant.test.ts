import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstant } from './instant.ts'

describe('a point in time', () => {
  it.each([
    ['2026-09-01T08:00:00Z', '2026-09-01T08:00:00.000Z'],
    ['2026-09-01T10:00:00+02:00', '2026-09-01T08:00:00.000Z'],
    ['2026-09-01T10:00:00+0200', '2026-09-01T08:00:00.000Z'],
    ['2026-09-01 10:00:00+02', '2026-09-01T08:00:00.000Z'],
    ['2026-09-01T08:00Z', '2026-09-01T08:00:00.000Z'],
    ['2026-09-01T08:00:00.1239Z', '2026-09-01T08:00:00.123Z'],
    ['2026-01-01T00:30:00+05:30', '2025-12-31T19:00:00.000Z'],
    ['2026-01-01T00:30:00-05:30', '2026-01-01T06:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ])('%s is %s', (value, iso) => {
    expect(parseInstant(value, 'scheduledAt')).toBe(iso)
  })

  it.each([
    '',
    'tomorrow',
    '2026-09-01',
    '2026-09-01T08:00:00',
    '2026-02-30T08:00:00Z',
    '2025-02-29T08:00:00Z',
    '2026-13-01T08:00:00Z',
    '2026-00-01T08:00:00Z',
    '2026-09-00T08:00:00Z',
    '2026-09-01T24:00:00Z',
    '2026-09-01T08:60:00Z',
    '2026-09-01T08:00:60Z',
    '2026-09-01T08:00:00+16:00',
    '2026-09-01T08:00:00+02:60',
    '0000-12-31T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+012026-09-01T08:00:00Z',
    '2026-09-01T08:00:00Z\n',
    'Tue, 01 Sep 2026 08:00:00 GMT',
    1_788_000_000_000,
    new Date(Number.NaN),
    new Date(8.64e15),
    new Date(-1e15),
    null,
    {},
    true,
  ])('%s is refused', (value) => {
    expect(() => parseInstant(value, 'scheduledAt')).toThrow(
      expect.objectContaining({ code: 'KT_DATE_INVALID' }),
    )
  })

  it('tells somebody who forgot the offset that this is what is missing', () => {
    expect(() => parseInstant('2026-09-01T08:00:00', 'scheduledAt')).toThrow('has no offset')
  })

  it('reads back every date that JavaScript prints within the years 1 to 9999', () => {
    const dates = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    fc.assert(
      fc.property(dates, (date) => {
        expect(parseInstant(date.toISOString(), 'x')).toBe(parseInstant(date, 'x'))
      }),
    )
  })
})
