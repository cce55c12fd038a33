import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonPath } from './json-path.ts'
import { byteLength, isLargerThan, jsonText } from './json-text.ts'

const text = (value: unknown): string =>
  jsonText(value, ({ path, why }) => new Error(`${jsonPath(path)} ${why}`.trim()))

class Point {
  x = 1
  y = 2
  get sum(): number {
    return this.x + this.y
  }
}
class Money {
  readonly #cents: number
  constructor(cents: number) {
    this.#cents = cents
  }
  toJSON(): unknown {
    return { cents: this.#cents }
  }
}
class Itself {
  a = 1
  toJSON(): unknown {
    return this
  }
}
class Hidden {
  readonly #secret = 1
  get secret(): number {
    return this.#secret
  }
}
class Registry extends Map<string, number> {
  label = 'x'
}

// Halves of a pair may meet and make a whole; a backslash may make an escape harmless.
const treacherous = fc.string({
  unit: fc.constantFrom('\0', '\ud83d', '\udc8c', '\\', 'u0000', 'ud800', 'a', '"'),
  maxLength: 4,
})

describe('JSON text', () => {
  it.each([
    [null, 'null'],
    ['', '""'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [new Point(), '{"x":1,"y":2}'],
    [{ price: new Money(5) }, '{"price":{"cents":5}}'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [Object.create(null), '{}'],
    [Object.assign(Object.create(null), { a: [1] }), '{"a":[1]}'],
    [runInNewContext('({ a: { b: [] } })'), '{"a":{"b":[]}}'],
    [{ text: String.raw`\u0000 written out` }, String.raw`{"text":"\\u0000 written out"}`],
    [{ text: String.raw`\ud800` }, String.raw`{"text":"\\ud800"}`],
    [{ emoji: '💌', controls: '\u0001\n' }, String.raw`{"emoji":"💌","controls":"\u0001\n"}`],
    [{ toJSON: 'no method' }, '{"toJSON":"no method"}'],
    [new URL('http://example.org/'), '"http://example.org/"'],
    [-0, '0'],
  ])('of sound value %# is what JSON.stringify writes', (value, expected) => {
    expect(text(value)).toBe(expected)
  })

  it('of a value that returns itself from toJSON is that value', () => {
    expect(text({ value: new Itself() })).toBe('{"value":{"a":1}}')
  })

  it('of the same object in two places is fine: that is no circle', () => {
    const shared = { a: 1 }
    expect(text({ one: shared, two: [shared, shared] })).toBe('{"one":{"a":1},"two":[{"a":1},{"a":1}]}')
  })

  it('is stored as it is, or refused for a character that PostgreSQL cannot store', () => {
    fc.assert(
      fc.property(fc.dictionary(treacherous, fc.array(treacherous)), (value) => {
        const plain = JSON.stringify(value)
        const isStorable = !/\0|\p{Surrogate}/u.test(allText(value))
        expect(attempt(() => text(value))).toBe(isStorable ? plain : undefined)
      }),
    )
  })
})

function allText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  return Object.entries(value)
    .flatMap(([key, item]) => [key, allText(item)])
    .join(' ')
}

function attempt(work: () => string): string | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

const circle: { name: string; items: unknown[] } = { name: 'x', items: [] }
circle.items.push({ back: circle })
const shared = { x: 1 }
const holed: number[] = [1]
holed[2] = 3
let deep: unknown = 1
for (let level = 0; level < 1_001; level++) deep = [deep]
let bottomless: unknown = 1
for (let level = 0; level < 200_000; level++) bottomless = { a: bottomless }

const refused: readonly (readonly [name: string, value: unknown, message: string | RegExp])[] = [
  ['undefined', undefined, 'is undefined'],
  ['a function', () => 1, 'is a function'],
  ['a function within', { a: { 'two words': [1, () => 1] } }, 'a["two words"][1] is a function'],
  ['a symbol', { a: Symbol('x') }, 'a is a symbol'],
  ['a BigInt', { ids: [1n] }, 'ids[0] is a BigInt'],
  ['NaN', { a: Number.NaN }, 'a is NaN, which JSON does not have'],
  ['an infinity', [-Infinity], '[0] is -Infinity, which JSON does not have'],
  ['undefined in an array', { a: [1, undefined] }, 'a[1] is undefined'],
  ['a hole', holed, '[1] is undefined'],
  ['an invalid Date', { a: { at: new Date(Number.NaN) } }, 'a.at is an invalid Date'],
  ['a circle', circle, 'items[0].back refers back to an object that holds it'],
  ['what comes after an object that is there twice', { a: shared, b: shared, n: 1n }, 'n is a BigInt'],
  ['a Map', { a: new Map() }, /^a is of type Map, /],
  ['a Set', new Set([1]), /^is of type Set, /],
  ['a Map with properties', new Registry(), /^is of type Map, /],
  ['an Error', { e: Object.assign(new Error('x'), { code: 1 }) }, /^e is of type Error, /],
  ['a RegExp', { r: /x/ }, /^r is of type RegExp, /],
  ['a Promise', { p: Promise.resolve(1) }, /^p is of type Promise, /],
  ['bytes', { b: new Uint8Array(2) }, /^b is of type Uint8Array, /],
  ['an ArrayBuffer', { b: new ArrayBuffer(2) }, /^b is of type ArrayBuffer, /],
  ['a boxed number', { b: Object(Number.NaN) }, /^b is of type Number, /],
  ['private fields only', { h: new Hidden() }, /^h is a class instance without properties/],
  ['too deep', deep, /is nested deeper than 1000 levels$/],
  ['bottomless', bottomless, /is nested deeper than 1000 levels$/],
  ['NUL in a string', { a: ['x\0y'] }, /^a\[0\] holds the character \\u0000/],
  ['NUL in a key', { a: { 'x\0y': 1 } }, /^a\["x\\u0000y"\] has a key that holds the character \\u0000/],
  ['NUL from a toJSON', { toJSON: () => '\0' }, /^holds the character/],
  ['half a surrogate pair', { a: 'x\ud83d' }, /^a holds half of a surrogate pair/],
  ['half a surrogate pair in a key', { 'x\udc00': 1 }, /has a key that holds half of a surrogate pair/],
  [
    'a throwing toJSON',
    {
      a: {
        toJSON: () => {
          throw new Error('no')
        },
      },
    },
    'a has a toJSON method that throws',
  ],
  ['a toJSON of nothing', { a: { toJSON: () => undefined } }, 'a is undefined'],
  ['a toJSON of NaN', { a: { toJSON: () => Number.NaN } }, 'a is NaN, which JSON does not have'],
  [
    'a throwing getter',
    {
      get a(): never {
        throw new Error('no\nway')
      },
    },
    'cannot be read: no',
  ],
]

describe('a value that JSON cannot carry', () => {
  it.each(refused)('is refused with its path: %s', (_, value, message) => {
    expect(() => text(value)).toThrow(message)
  })

  it('is found at once in a large payload, and the path is cut in the middle', () => {
    const rows = Array.from({ length: 50_000 }, (_, id) => ({ id, tags: ['a', 'b'] }))
    expect(() => text({ rows: [...rows, { id: Number.NaN }] })).toThrow('rows[50000].id is NaN')
    expect(() => text(deep)).toThrow(/^(\[0\]){10} … (\[0\]){9} is nested/)
  })
})

describe('the size', () => {
  it('is counted in bytes of UTF-8', () => {
    expect(byteLength('aä€💌')).toBe(1 + 2 + 3 + 4)
    expect(isLargerThan('ä'.repeat(10), 20)).toBe(false)
    expect(isLargerThan('ä'.repeat(10), 19)).toBe(true)
    expect(isLargerThan('a'.repeat(20), 20)).toBe(false)
    expect(isLargerThan('a'.repeat(21), 20)).toBe(true)
  })
})
