import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { KongTask, PermanentError, run } from 'kongtask'
import { beforeAll, describe, expect, it } from 'vitest'
import { silent } from '../journeys/journey-logger.ts'
import { settled } from '../journeys/journey.ts'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

describe('docs/operating.md', () => {
  let folder: string

  beforeAll(async () => {
    const snippets = await snippetsOf('docs/operating.md')
    folder = await writeSnippets('operating', {
      'operating.ts': `${snippets.join('\n')}\nawait kong.close()\n`,
    })
  })

  it('has snippets that compile', async () => {
    await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
  })

  it('has snippets that do what it says', async () => {
    await using database = await createTestDatabase()
    const kong = new KongTask({ pool: database.pool })
    const runner = await run({
      pool: database.pool,
      logger: silent,
      tasks: {
        mail: () => {
          throw new PermanentError('user 17 is away')
        },
      },
    })
    const dead = settled(runner, 2)
    await kong.addJobs([{ task: 'mail' }, { task: 'mail' }])
    await dead
    await runner.stop()
    await kong.addJobs([{ task: 'load', tags: ['import'] }, { task: 'load' }])
    const { stdout } = await execute(process.execPath, ['--import', 'tsx', `${folder}/operating.ts`], {
      cwd: root,
      env: {
        ...process.env,
        DATABASE_URL: database.connectionString,
        TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
      },
    })
    expect(stdout).toMatch(/^1 jobs$/m)
    expect(stdout).toMatch(/^1 0$/m)
    expect(stdout).toMatch(/^2 × mail: user <n> is away, last .*Z, for example job \d+$/m)
    expect(stdout).toMatch(/^2 0$/m)
    const { rows } = await database.pool.query(
      `select t.name, h.reason from kongtask.history h join kongtask.tasks t on t.id = h.task_id`,
    )
    expect(rows).toEqual([{ name: 'load', reason: 'the file was wrong' }])
    const left = (await kong.jobs.list()).jobs.map(({ task, state }) => `${task} ${state}`)
    expect(left.toSorted()).toEqual(['load cancelled', 'load ready', 'mail ready', 'mail ready'])
  })
})
