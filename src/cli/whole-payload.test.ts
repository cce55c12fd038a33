import { expect, it } from 'vitest'
import { wholePayload } from './whole-payload.ts'

it.each([
  [
    '{"id":9007199254740992,"more":[-1,0,-0,1.50,1e3,0.1]}',
    { id: 2 ** 53, more: [-1, 0, -0, 1.5, 1000, 0.1] },
  ],
  ['1000000000000000000000000', 1e24],
  ['"9007199254740993 \\" 9007199254740993"', '9007199254740993 " 9007199254740993'],
])('takes %s', (text, payload) => {
  expect(wholePayload(text)).toEqual(payload)
})

it.each(['{"id":9007199254740993}', '[-9007199254740993]', '1180591620717411303424', `1${'0'.repeat(400)}`])(
  'refuses %s, which would arrive as another number',
  (text) => {
    expect(() => wholePayload(text)).toThrow(expect.objectContaining({ code: 'KT_PAYLOAD_NOT_JSON' }))
  },
)
