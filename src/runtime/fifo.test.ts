import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fifo } from './fifo.ts'

type Step =
  { readonly do: 'push' | 'shift' | 'drain' | 'clear' } | { readonly do: 'takeLast'; readonly count: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'push' as const }) },
  { weight: 4, arbitrary: fc.constant({ do: 'shift' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('takeLast' as const), count: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constantFrom({ do: 'drain' as const }, { do: 'clear' as const }) },
)

/** What a step answers, of the queue and of an array that does the same the slow way. */
function both(fifo: Fifo<number>, array: number[], taken: Step, value: number): readonly [unknown, unknown] {
  switch (taken.do) {
    case 'push':
      return [fifo.push(value), void array.push(value)]
    case 'shift':
      return [fifo.shift(), array.shift()]
    case 'takeLast':
      return [fifo.takeLast(taken.count), array.splice(Math.max(0, array.length - taken.count))]
    case 'drain':
      return [fifo.drain(), array.splice(0)]
    case 'clear':
      return [fifo.clear(), void array.splice(0)]
    default:
      return taken satisfies never
  }
}

function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  Reflect.apply(runInNewContext('gc'), undefined, [])
  return process.memoryUsage().heapUsed
}

describe('a queue', () => {
  it('does what an array does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fifo = new Fifo<number>()
        const array: number[] = []
        for (const [index, taken] of steps.entries()) {
          const [actual, expected] = both(fifo, array, taken, index)
          expect(actual).toEqual(expected)
          expect(fifo.size).toBe(array.length)
        }
        expect(fifo.drain()).toEqual(array)
      }),
      { seed: 11, numRuns: 300 },
    )
  })

  it('does so also when it is long', () => {
    const fifo = new Fifo<number>()
    for (let n = 0; n < 5_000; n++) fifo.push(n)
    for (let n = 0; n < 4_000; n++) expect(fifo.shift()).toBe(n)
    expect(fifo.size).toBe(1_000)
    expect(fifo.takeLast(2)).toEqual([4_998, 4_999])
    fifo.push(1)
    expect(fifo.drain()).toEqual([...Array.from({ length: 998 }, (_, n) => 4_000 + n), 1])
  })

  it('has nothing to give while it is empty', () => {
    const fifo = new Fifo<number>()
    expect([fifo.shift(), fifo.takeLast(3), fifo.drain(), fifo.size]).toEqual([undefined, [], [], 0])
    fifo.push(1)
    expect([fifo.shift(), fifo.shift(), fifo.size]).toEqual([1, undefined, 0])
  })

  it('does not grow by what has passed through it while it was never empty', () => {
    const fifo = new Fifo<number>()
    fifo.push(0)
    const before = bytesInUse()
    for (let n = 1; n < 2_000_000; n++) {
      fifo.push(n)
      fifo.shift()
    }
    expect(bytesInUse() - before).toBeLessThan(2_000_000)
    expect(fifo.drain()).toEqual([1_999_999])
  })
})
