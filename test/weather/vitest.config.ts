// npm run weather: what takes root, and so is no part of `npm test`.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import main from '../../vitest.config.ts'

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: main.resolve ?? {},
  test: {
    include: ['test/weather/*.test.ts'],
    testTimeout: 120_000,
    maxWorkers: 1,
  },
})
