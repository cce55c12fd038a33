import { expect, it } from 'vitest'
import { LineSplitter } from './line-splitter.ts'

it('tells whole lines, however the text arrives, without empty ones; the last one at the end', () => {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const piece of ['one\ntw', 'o\r\n\n  \nthr', 'ee']) splitter.push(piece)
  expect(lines).toEqual(['one', 'two'])
  splitter.end()
  expect(lines).toEqual(['one', 'two', 'three'])
  expect(splitter.last).toBe('three')
})

it('cuts a line without an end, so that memory does not grow with it', () => {
  const lengths: number[] = []
  const splitter = new LineSplitter((line) => lengths.push(line.length))
  for (let piece = 0; piece < 5; piece++) splitter.push('x'.repeat(10_000))
  splitter.end()
  expect(lengths).toEqual([16_384, 16_384, 16_384, 848])
})
