import { expect, it } from 'vitest'
import { nearMiss, suggestion } from './near-miss.ts'

const words = ['scheduledIn', 'scheduledAt', 'queue', 'maxAttempts', 'priority', 'tags']

it.each([
  ['schedledIn', 'scheduledIn'],
  ['scheduled_in', 'scheduledIn'],
  ['SCHEDULEDAT', 'scheduledAt'],
  ['max-attempts', 'maxAttempts'],
  ['prioritty', 'priority'],
  ['tag', 'tags'],
  ['queues', 'queue'],
])('%s was meant as %s', (word, meant) => {
  expect(nearMiss(word, words)).toBe(meant)
  expect(suggestion(word, words)).toBe(` Did you mean "${meant}"?`)
})

it.each(['', 'x', 'backoff', 'color', 'x'.repeat(10_000)])('%s is near to nothing', (word) => {
  expect(nearMiss(word, words)).toBeUndefined()
  expect(suggestion(word, words)).toBe('')
})

it('a word that shares nothing with a short one was not meant as it', () => {
  expect(nearMiss('zz', ['ab', 'q'])).toBeUndefined()
})
