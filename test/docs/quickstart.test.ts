import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { root } from './snippets.ts'

const execute = promisify(execFile)

it('the quickstart defines, adds and runs a job on a PostgreSQL that it starts itself', async () => {
  const { stdout } = await execute(process.execPath, ['--import', 'tsx', 'examples/quickstart.ts'], {
    cwd: root,
  })
  expect(stdout).toMatch(/Dear Ada, welcome! email=ada@example\.org jobId=1 task=send_welcome_email/)
})
