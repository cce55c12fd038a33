import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { createTestKongTask } from 'kongtask/testing'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

it('works with node:test, in several processes at once, beside this one, which ends by itself', async () => {
  await using kong = await createTestKongTask({ tasks: { work: () => 'here' } })
  const file = 'test/testing/node-welcome.ts'
  const run = (): Promise<{ stdout: string }> =>
    execute('node', ['--import', 'tsx', '--test', '--test-reporter=tap', file], { cwd: root })
  await kong.addJob('work')
  const [one, two] = await Promise.all([run(), run(), kong.drain()])
  expect(one.stdout).toContain('# pass 3')
  expect(two.stdout).toContain('# pass 3')
  await kong.expectJob('work', { state: 'completed' })
}, 120_000)
