import { expect, it } from 'vitest'
import { plainLine, plainText } from './plain-text.ts'

it.each([
  ['\u001b[31mred\u001b[0m', String.raw`\u001b[31mred\u001b[0m`],
  ['\u009b2Jgone\u007f', String.raw`\u009b2Jgone\u007f`],
  ['over\rwritten', String.raw`over\u000dwritten`],
  ['\u202edrawkcab', String.raw`\u202edrawkcab`],
  ['one\r\n\ttwo\n', 'one\n\ttwo\n'],
  ['Grüße, 世界 🦍', 'Grüße, 世界 🦍'],
])('%j is shown as %j', (text, shown) => {
  expect(plainText(text)).toBe(shown)
})

it('shows ends of lines and tabs, too, where a line is to be one', () => {
  expect(plainLine('one\r\n\ttwo\u001b[2J\n')).toBe(String.raw`one\n\ttwo\u001b[2J\n`)
})

it('leaves JSON what it is', () => {
  const value = { text: '\u009b2J \u001b[1m' }
  expect(JSON.parse(plainText(JSON.stringify(value)))).toEqual(value)
})
