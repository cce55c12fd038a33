import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Short files that take long: begun late, each would keep one process busy when there is nothing left for the others. */
const LONG =
  /test\/(journeys\/(demo|exact[\w-]*|silent-network|weather-[\w-]*)|embedded\/(death|shared-folder|binaries)|store\/(migrate|marks)|torture\/torture|cli\/(dev|work))\.test\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not an array's: it answers a new one
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // A process and its modules for each file would cost more than many of the files themselves.
          isolate: false,
          include: ['src/**/*.test.ts'],
          setupFiles: ['test/support/put-back.ts'],
        },
      },
      {
        extends: true,
        test: { name: 'house', include: ['test/{house,fences}.test.ts'], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'database',
          isolate: false,
          include: [
            'test/{store,sql,worker,client,maintenance,journeys,docs,embedded,cli,torture,testing,import}/**/*.test.ts',
          ],
          setupFiles: ['test/support/put-back.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // Written there by test/docs/testing.test.ts, which runs them.
        test: { name: 'snippets', include: ['.kongtask/docs/testing/*.test.ts'], testTimeout: 60_000 },
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
      { find: /^kongtask\/testing$/, replacement: here('./src/testing/testing.ts') },
      { find: /^kongtask\/embedded$/, replacement: here('./src/embedded/embedded.ts') },
    ],
  },
})
