// The script of docs/coming-from/bullmq.md, on a stand-in for the package; `npm run imports` runs it on the package itself.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KongTask } from 'kongtask'
import { expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { root } from '../docs/snippets.ts'
import { createTestDatabase } from '../support/database.ts'

const AT = Date.parse('2026-01-01T00:00:00Z')
const HOUR = 3_600_000

/** A job as BullMQ gives it out. */
const job = (id: string, more: object): object => ({
  id,
  name: 'poll',
  data: { id },
  opts: { attempts: 3 },
  timestamp: AT,
  delay: 0,
  attemptsMade: 0,
  ...more,
})

const JOBS = {
  waiting: [
    job('plain', {}),
    job('due', { repeatJobKey: 'often' }),
    job('child', { parentKey: 'bull:mail:1' }),
  ],
  prioritized: [job('soon', { repeatJobKey: 'often', opts: { priority: 2 } })],
  delayed: [
    job('planned', { repeatJobKey: 'often', delay: HOUR }),
    job('retried', { repeatJobKey: 'often', delay: HOUR, attemptsMade: 1, processedOn: AT + HOUR }),
  ],
  'waiting-children': [job('parent', {})],
}

const STAND_IN = `const jobs = ${JSON.stringify(JOBS)}
export class Queue {
  async getJobs([state], start, end) { return (jobs[state] ?? []).slice(start, end + 1) }
  async close() {}
}
`

it('has all come but parts of flows and what schedulers have planned, and names these', async () => {
  await using database = await createTestDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-lines-'))
  try {
    const page = await readFile(`${root}docs/coming-from/bullmq.md`, 'utf8')
    const [, script = ''] = /^```js\n(\/\/ bullmq-lines\.mjs.*?)^```/ms.exec(page) ?? []
    const stand = join(folder, 'node_modules', 'bullmq')
    await mkdir(stand, { recursive: true })
    await writeFile(join(stand, 'package.json'), '{"name":"bullmq","type":"module","exports":"./index.js"}')
    await writeFile(join(stand, 'index.js'), STAND_IN)
    await writeFile(join(folder, 'bullmq-lines.mjs'), script)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      join(folder, 'bullmq-lines.mjs'),
      'mail',
    ])
    expect(stderr.trimEnd().split('\n')).toEqual([
      'mail child: not written, it is part of a flow',
      'mail planned: not written, its scheduler has planned it',
      'mail parent: not written, it is part of a flow',
    ])
    const file = join(folder, 'jobs.ndjson')
    await writeFile(file, stdout)
    await perform(['import', 'json', file, '--database-url', database.connectionString])
    const { jobs } = await new KongTask({ pool: database.pool }).jobs.list({ queue: 'mail' })
    const of = (id: string): unknown =>
      jobs.find(({ payload }) => JSON.stringify(payload) === JSON.stringify({ id }))
    expect(jobs).toHaveLength(4)
    expect(of('plain')).toMatchObject({ task: 'poll', maxAttempts: 3, createdAt: new Date(AT) })
    expect(of('due')).toMatchObject({ attempt: 0 })
    expect(of('soon')).toMatchObject({ priority: 3, maxAttempts: 1 })
    expect(of('retried')).toMatchObject({ attempt: 1 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
