import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { root, snippetsOf, writeSnippets } from './snippets.ts'

const execute = promisify(execFile)

describe('the README', () => {
  let folder: string

  beforeAll(async () => {
    const [first = '', second = '', third = ''] = await snippetsOf('README.md')
    folder = await writeSnippets('readme', {
      'twenty-lines.ts': `${first}\nexport { sendWelcomeEmail }\n`,
      'handlers.ts': `import { sendWelcomeEmail } from './twenty-lines.ts'\n${second}`,
      'adding.ts': `import { KongTask } from 'kongtask'
const kong = new KongTask({ connectionString: process.env.DATABASE_URL ?? '' })
${third}
await kong.close()
`,
    })
  })

  it('has snippets that compile', async () => {
    await expect(execute('npx', ['tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
  })

  it('has twenty lines that run: the job of the transaction is done, and the process ends', async () => {
    await using database = await createTestDatabase({ migrated: false })
    const { stdout, stderr } = await execute(
      process.execPath,
      ['--import', 'tsx', `${folder}/twenty-lines.ts`],
      {
        cwd: root,
        env: {
          ...process.env,
          DATABASE_URL: database.connectionString,
          TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
        },
      },
    )
    expect(stdout + stderr).toContain('Welcome!')
    const { rows } = await database.pool.query(
      `select (select count(*)::int from users) as users,
              (select count(*)::int from kongtask.history where completed) as jobs`,
    )
    expect(rows).toEqual([{ users: 1, jobs: 1 }])
  })

  it('adds with keys, and from SQL', async () => {
    await using database = await createTestDatabase()
    await execute(process.execPath, ['--import', 'tsx', `${folder}/adding.ts`], {
      cwd: root,
      env: {
        ...process.env,
        DATABASE_URL: database.connectionString,
        TSX_TSCONFIG_PATH: `${root}tsconfig.json`,
      },
    })
    const [sql = ''] = await snippetsOf('README.md', 'sql')
    await database.pool.query(sql)
    const { rows } = await database.pool.query(
      `select t.name, j.serial_key, u.key as unique_key
         from kongtask.jobs j
         join kongtask.tasks t on t.id = j.task_id
         left join kongtask.unique_keys u on u.job_id = j.id
        order by j.id`,
    )
    expect(rows).toEqual([
      { name: 'reindex', serial_key: null, unique_key: 'shop-7' },
      { name: 'charge', serial_key: 'customer-5', unique_key: null },
      { name: 'send_welcome_email', serial_key: null, unique_key: null },
    ])
  })

  it('names only scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(`${root}package.json`, 'utf8'))
    for (const page of pages()) {
      const named = [...readFileSync(root + page, 'utf8').matchAll(/npm run ([a-z][\w:-]*)/g)].map(
        ([, name]) => name,
      )
      expect(Object.keys(scripts), page).toEqual(expect.arrayContaining([...new Set(named)]))
    }
  })

  it('links only to pages that exist', () => {
    for (const page of pages()) {
      const folderOf = page.includes('/') ? page.slice(0, page.lastIndexOf('/') + 1) : ''
      const links = [...readFileSync(root + page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
        ([, to = '']) => to,
      )
      for (const link of links)
        expect(() => readdirOrFile(root + folderOf + link), `${page} → ${link}`).not.toThrow()
    }
  })
})

/** Every page of the repository's own documentation. */
function pages(): string[] {
  const atRoot = readdirSync(root).filter((file) => file.endsWith('.md'))
  const below = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`),
  )
  return [...atRoot, ...below]
}

function readdirOrFile(path: string): unknown {
  return path.endsWith('/') ? readdirSync(path) : readFileSync(path)
}
