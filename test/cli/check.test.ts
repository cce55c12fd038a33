import { KongTask } from 'kongtask'
import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { projectFolder } from './project-folder.ts'
import { openTerminal } from './pty.ts'
import { start } from './start.ts'

const TASK = `const validate = (value) => typeof value.to === 'string' ? { value } : { issues: [{ message: 'must be text', path: ['to'] }] }
export const payload = { '~standard': { version: 1, vendor: 'test', validate } }
export const handle = () => {}
`

it('kongtask check tells what queued jobs would fail, runs nothing, and ends with 3', async () => {
  await using project = await projectFolder({ 'tasks/mail.mjs': TASK })
  await using database = await createTestDatabase()
  const env = { DATABASE_URL: database.connectionString }
  const kong = new KongTask({ pool: database.pool })
  await kong.addJobs([{ task: 'mail', payload: { to: 'ada' } }, { task: 'other' }])
  const fine = openTerminal(['check'], { cwd: project.path, env })
  expect(await fine.exited).toBe(0)
  expect(fine.raw).toContain('checking: 2 jobs\r\u001b[2K')
  expect(fine.text).toContain('2 jobs checked, none would fail.')
  expect(fine.text).toMatch(/^other +1 +0 +0 +0 +not among the tasks here: only counted$/m)

  const { id } = await kong.addJob('mail', { to: 5 })
  const failing = await start(['check', '--json'], { cwd: project.path, env })
  expect([failing.exitCode, failing.stderr]).toEqual([3, ''])
  expect(JSON.parse(failing.stdout)).toEqual({
    isFine: false,
    checked: 3,
    tasks: [
      { task: 'mail', isKnown: true, checked: 2, upcast: 0, newer: 0, failed: 1 },
      { task: 'other', isKnown: false, checked: 1, upcast: 0, newer: 0, failed: 0 },
    ],
    failures: [
      {
        id,
        task: 'mail',
        version: 1,
        code: 'KT_PAYLOAD_INVALID',
        why: expect.stringContaining('to: must be text'),
      },
    ],
  })
  expect((await kong.jobs.get(id))?.state).toBe('ready')
})
