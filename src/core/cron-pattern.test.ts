import { expect, it } from 'vitest'
import { localFrom } from './cron-pattern.ts'
import { parseTiming } from './timing.ts'

function next(expression: string, after: string): string | undefined {
  const timing = parseTiming(expression)
  if (timing.kind !== 'calendar') throw new Error('it has no pattern')
  const local = localFrom(timing.pattern, Date.parse(after) + 1)
  return local === undefined ? undefined : new Date(local).toISOString()
}

it('finds the fifth of a weekday in February, which comes every 28 years, and over a 2100 after 40', () => {
  expect(next('0 0 * 2 SUN#5', '2032-02-29T00:00:00Z')).toBe('2060-02-29T00:00:00.000Z')
  expect(next('0 0 * 2 SUN#5', '2088-02-29T00:00:00Z')).toBe('2128-02-29T00:00:00.000Z')
})

it('finds 29 February over a 2100', () => {
  expect(next('0 0 29 2 *', '2096-02-29T00:00:00Z')).toBe('2104-02-29T00:00:00.000Z')
})
