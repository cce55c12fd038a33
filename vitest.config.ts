import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      { extends: true, test: { name: 'house', include: ['test/house.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['test/{store,sql,worker,client,maintenance,journeys,docs,embedded}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'drivers',
          include: ['test/drivers/*.test.ts'],
          globalSetup: ['test/drivers/set-up.ts', 'test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
  resolve: {
    alias: [
      { find: /^kongtask$/, replacement: here('./src/index.ts') },
      { find: /^kongtask\/embedded$/, replacement: here('./src/embedded/embedded.ts') },
    ],
  },
})
