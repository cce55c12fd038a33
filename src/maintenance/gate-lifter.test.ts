import { expect, it } from 'vitest'
import type { LiftedGates } from '../store/limits.ts'
import { gateLifter } from './gate-lifter.ts'

const { signal } = new AbortController()

it('looks at all gates, batch by batch', async () => {
  const batches: LiftedGates[] = [
    { opened: 2, next: { queue: 1, gate: 'b' } },
    { opened: 0, next: { queue: 2, gate: 'a' } },
    { opened: 3, next: undefined },
  ]
  const asked: unknown[] = []
  const lift = gateLifter({
    takeTurn: () => Promise.resolve(true),
    liftGates: (after) => {
      asked.push(after)
      return Promise.resolve(batches.shift() ?? { opened: 0, next: undefined })
    },
  })
  expect(await lift(signal)).toBe(5)
  expect(asked).toEqual([undefined, { queue: 1, gate: 'b' }, { queue: 2, gate: 'a' }])
})

it('rests twenty times as long as it took', async () => {
  let now = 0
  const lift = gateLifter(
    {
      takeTurn: () => Promise.resolve(true),
      liftGates: () => {
        now += 1_000
        return Promise.resolve({ opened: 1, next: undefined })
      },
    },
    () => now,
  )
  expect(await lift(signal)).toBe(1)
  now = 19_999
  expect(await lift(signal)).toBeUndefined()
  now = 20_000
  expect(await lift(signal)).toBe(1)
})

it('leaves it to the process that has the turn', async () => {
  const lift = gateLifter({
    takeTurn: () => Promise.resolve(false),
    liftGates: () => Promise.reject(new Error('not my turn')),
  })
  expect(await lift(signal)).toBeUndefined()
})
