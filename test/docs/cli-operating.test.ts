import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { KongTask, PermanentError, runTaskListOnce } from 'kongtask'
import { expect, it } from 'vitest'
import { perform } from '../cli/streams.ts'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

it("docs/cli.md has types that real output of the operator's commands fits, field by field", async () => {
  await using database = await createTestDatabase()
  const kong = new KongTask({ pool: database.pool })
  const { id: dead } = await kong.addJob(
    'fail',
    { to: 'ada' },
    { tags: ['a'], uniqueKey: 'u', rateLimit: { limit: 9, per: '1s' } },
  )
  const { id: other } = await kong.addJob('fail')
  await runTaskListOnce(
    {
      fail: (_payload, { logger }) => {
        logger.warn('no way', { step: 1 })
        throw new PermanentError('no such user')
      },
    },
    { pool: database.pool },
  )
  const { id } = await kong.addJob('wait', {}, { queue: 'mail', scheduledIn: '1h' })
  await kong.queues.limit('mail', { concurrency: 2, rateLimit: { limit: 5, per: '1m' } })
  await kong.schedules.create('@daily', 'wait', {}, { name: 'daily', queue: 'mail' })

  const outputs: string[] = []
  const say = async (type: string, ...args: string[]): Promise<void> => {
    const { stdout, stderr } = await perform([...args, '--json', '--database-url', database.connectionString])
    expect(stderr).toBe('')
    // As literals the compiler refuses fields that the types do not have.
    for (const line of stdout.trimEnd().split('\n'))
      outputs.push(`const output${outputs.length}: ${type} = ${line}`)
  }
  await say('JobListResult', 'jobs', 'list')
  await say('JobResult', 'jobs', 'show', dead)
  await say('ExplainResult', 'jobs', 'explain', id)
  await say('JobLogLine', 'logs', dead)
  await say('QueueListResult', 'queues', 'list')
  await say('QueueResult', 'queues', 'pause', 'mail')
  await say('QueueListResult', 'queues', 'list')
  await say('DeadGroupsResult', 'dead', 'list', '--groups')
  await say('JobListResult', 'dead', 'list')
  await say('JobResult', 'dead', 'redrive', other)
  await say('BulkResult', 'dead', 'redrive', '--all', '--dry-run')
  await say('BulkResult', 'dead', 'purge', '--task', 'fail', '--yes')
  await say('JobResult', 'jobs', 'cancel', id)
  await say('BulkResult', 'jobs', 'delete', '--state', 'cancelled', '--yes')
  await say('ScheduleListResult', 'schedules', 'list')
  await say('ScheduleVerbResult', 'schedules', 'run', 'daily')
  await say('ScheduleVerbResult', 'schedules', 'pause', 'daily')
  await say('ScheduleShowResult', 'schedules', 'show', 'daily')
  await say('PreviewResult', 'schedules', 'preview', 'daily')
  await say('ScheduleChangesResult', 'schedules', 'changes')
  await say('WorkersResult', 'workers')
  await say('TopResult', 'top', '--frames', '2', '--interval', '1ms')
  await say('ScheduleDefinitionResult', 'schedules', 'create', '@hourly', 'wait', '--name', 'hourly')
  await say('ScheduleDefinitionResult', 'schedules', 'change', 'hourly', '--tz', 'Europe/Berlin')
  await say('BenchResult', 'bench', '--jobs', '100')
  const types = (await snippetsOf('docs/cli.md')).at(-1) ?? ''
  const folder = await writeSnippets('cli-operating', {
    'outputs.ts': `${types}\n${outputs.join('\n')}\nexport {}\n`,
  })
  await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
}, 60_000)
