// Files of one project share a process: one that leaves its fake clock or its environment behind would fail others, which
// then know of nothing. It fails itself.
import { afterAll, expect } from 'vitest'

const shared = () => ({
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  Date: globalThis.Date,
  random: Math.random,
  environment: { ...process.env },
})

const before = shared()
// oxlint-disable-next-line vitest/no-standalone-expect -- what a file leaves is seen when its tests are over
afterAll(() => expect(shared(), 'what all files share').toStrictEqual(before))
