import { expect, it } from 'vitest'
import { percentile } from './percentile.ts'

it('a percentile is the value at the nearest rank, and of nothing there is none', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1)
  expect([0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 99, 100])
  expect([0, 0.5, 1].map((share) => percentile([7], share))).toEqual([7, 7, 7])
  expect(percentile([], 0.5)).toBeNull()
})
