import { expect, it } from 'vitest'
import { Dice } from './dice.ts'

const rolls = (dice: Dice): number[] => Array.from({ length: 20 }, () => dice.between(1, 6))

it('the same seed gives the same numbers, another one others, all within the bounds', () => {
  expect(rolls(new Dice(1))).toEqual(rolls(new Dice(1)))
  expect(rolls(new Dice(1))).not.toEqual(rolls(new Dice(2)))
  expect(new Set(Array.from({ length: 20 }, () => rolls(new Dice(7))).flat()).size).toBeGreaterThan(4)
  const many = Array.from({ length: 500 }, (_, seed) => rolls(new Dice(seed))).flat()
  expect([Math.min(...many), Math.max(...many)]).toEqual([1, 6])
})

it('how often a fork is asked does not change what its origin gives', () => {
  const [one, other] = [new Dice(3), new Dice(3)]
  rolls(one.fork())
  other.fork()
  expect(rolls(one)).toEqual(rolls(other))
})

it('of nothing there is nothing to choose', () => {
  expect(new Dice(1).of([])).toBeUndefined()
})
