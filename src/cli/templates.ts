// The files of a new project, as people will read them.

export const CONFIG = `import { defineConfig } from 'kongtask'

export default defineConfig({
  // Without a connection string here, in KONGTASK_DATABASE_URL or in DATABASE_URL, kongtask dev keeps a PostgreSQL of its own.
  tasks: 'tasks',
  concurrency: 10,
})
`

export const HELLO = `import { defineTask, handle } from 'kongtask'

// The file is the task: tasks/mail/welcome.ts would be mail/welcome. Import the contract where you add jobs:
// await kong.addJob(hello, { name: 'Ada' })
export const hello = defineTask<'hello', { name?: string }>('hello')

export default handle(hello, async ({ name = 'world' }, { logger }) => {
  logger.info(\`Hello, \${name}!\`)
  return { greeted: name }
})
`

export const CRONTAB = `# Schedules, one a line: minute hour day month weekday task ?options {payload}
#
# Say hello every morning at eight, in Berlin; jobs that were missed in the last day are added later:
# 0 8 * * *  hello  ?tz=Europe/Berlin&fill=1d  {"name":"Ada"}
`

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "skipLibCheck": true,
    "types": ["node"]
  },
  "include": ["**/*.ts", "**/*.mts"]
}
`

export const IGNORED = ['node_modules', '.kongtask']
