import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { NewJob } from '../core/new-job.ts'
import { chunksOf } from './chunks.ts'

const job = (size: number): NewJob => ({
  task: 'a',
  payload: 'x'.repeat(size),
  options: {},
  contract: false,
})
const sizes = (jobs: number[], most: number, text: number): number[][] =>
  chunksOf(jobs.map(job), most, text).map((chunk) => chunk.map(({ payload }) => payload.length))

it.each([
  [[], 2, 10, []],
  [[1, 1, 1], 2, 10, [[1, 1], [1]]],
  [[4, 4, 4], 9, 10, [[4, 4], [4]]],
  [[5, 5, 1], 9, 10, [[5, 5], [1]]],
  [[20, 1], 9, 10, [[20], [1]]],
  [[1, 20], 9, 10, [[1], [20]]],
])('jobs of sizes %j, at most %d and of %d characters, go as %j', (jobs, most, text, expected) => {
  expect(sizes(jobs, most, text)).toEqual(expected)
})

it('every job goes once, in order, and no chunk is empty or too large without need', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12)), fc.integer({ min: 1, max: 5 }), fc.nat(20), (jobs, most, text) => {
      const chunks = sizes(jobs, most, text)
      expect(chunks.flat()).toEqual(jobs)
      for (const chunk of chunks) {
        expect(chunk.length).toBeGreaterThan(0)
        expect(chunk.length).toBeLessThanOrEqual(most)
        const total = chunk.reduce((sum, size) => sum + size, 0)
        expect(chunk.length === 1 || total <= text).toBe(true)
      }
    }),
  )
})
