import { expect, it } from 'vitest'
import { showValue } from './show-value.ts'

class Hostile {
  toString(): string {
    throw new Error('called')
  }
}

it.each([
  ['text', '"text"'],
  ['x'.repeat(100), `"${'x'.repeat(60)}…"`],
  ['a\nb\u001b[31m', '"a\\nb\\u001b[31m"'],
  ['a\u202eb\u2028c', '"a\\u202eb\\u2028c"'],
  [5, '5'],
  [Number.NaN, 'NaN'],
  [12n, '12n'],
  [null, 'null'],
  [undefined, 'undefined'],
  [true, 'true'],
  [Symbol('secret'), 'a symbol'],
  [() => 1, 'a function'],
  [[1, 2, 3], 'an array of 3'],
  [{ password: 'secret' }, 'an object'],
  [new Hostile(), 'an object'],
  [Object.create(null), 'an object'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  [new Date(Number.NaN), 'an invalid Date'],
])('shows a value safely (%#)', (value, shown) => {
  expect(showValue(value)).toBe(shown)
})
