import { expect, it } from 'vitest'
import { shownAge } from './shown-time.ts'

it.each([
  [0, '0ms'],
  [-5, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [61_500, '1m1s'],
  [3_600_000, '1h'],
  [3_659_000, '1h'],
  [90_061_000, '1d1h'],
])('%i ms are shown as %s', (ms, shown) => {
  expect(shownAge(ms)).toBe(shown)
})
