import { describe, expect, it } from 'vitest'
import { canonicalJson, jsonAt } from './canonical-json.ts'

describe('canonical JSON', () => {
  it('is one text for equal values, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'ü' }], a: -0, '10': 1, '9': true })).toBe(
      '{"10":1,"9":true,"a":0,"b":[1,{"c":"ü","d":null}]}',
    )
    expect(canonicalJson(JSON.parse('{"a": 1.0, "__proto__": {"x": 1}}'))).toBe('{"__proto__":{"x":1},"a":1}')
    expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]))
  })
})

describe('what stands at a path', () => {
  const value = { a: { b: [1, { c: 'x' }] }, 'd.e': 5, n: null }
  it.each([
    ['a.b.0', 1],
    ['a.b.1.c', 'x'],
    ['a.b.-1.c', 'x'],
    ['a.b.2', null],
    ['a.b.c', null],
    ['a.x.y', null],
    ['n.x', null],
    ['toString', null],
    ['a.b.length', null],
    ['a.b', [1, { c: 'x' }]],
  ])('%s', (path, expected) => {
    expect(jsonAt(value, path)).toEqual(expected)
  })
})
