import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memberText } from './member-text.ts'

describe('memberText', () => {
  it('gives a value as it was written, with numbers that JavaScript would round', () => {
    const text = '{ "id": "1", "payload" : {"n": 12345678901234567890.10, "payload": 2} , "z": [1] }'
    expect(memberText(text, 'payload')).toBe('{"n": 12345678901234567890.10, "payload": 2}')
    expect(memberText(text, 'z')).toBe('[1]')
    expect(memberText(text, 'n')).toBeUndefined()
  })

  it('is not misled by brackets, commas and quotes within text, nor by escapes in names', () => {
    const text = String.raw`{"a\"}":"},{","pay\u006coad":"\\\"},","b":1}`
    expect(memberText(text, 'payload')).toBe(String.raw`"\\\"},"`)
    expect(memberText(text, 'a"}')).toBe('"},{"')
  })

  it('takes the last of two that have one name, as JSON.parse does', () => {
    expect(memberText('{"a":1,"a":2}', 'a')).toBe('2')
  })

  it('finds what JSON.parse finds, in any object', () => {
    const members = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(members, fc.string(), fc.nat({ max: 2 }), (object, name, indent) => {
        const whole = { ...object, [`x${name}`]: object }
        const text = JSON.stringify(whole, undefined, indent)
        const parsed: unknown = JSON.parse(text)
        for (const key of Object.keys(whole)) {
          const found = memberText(text, key)
          expect(found === undefined ? undefined : JSON.parse(found)).toEqual(
            Reflect.get(Object(parsed), key),
          )
        }
      }),
    )
  })
})
