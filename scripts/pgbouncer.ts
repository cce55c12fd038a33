// npm run pgbouncer [-- <what vitest takes>]: the journeys, through a PgBouncer in transaction mode that hands every
// transaction to another session. Needs the program, which `npm test` does not.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from 'kongtask/embedded'
import { findPgBouncer, startPgBouncer } from '../test/support/pgbouncer.ts'

/** Fewer than what the runners of a test open to it, so that sessions are shared. */
const POOL_SIZE = 15

/** What cannot be seen through a pooler, and why. */
const LEFT_OUT: readonly (readonly [test: string, because: string])[] = []

const program = await findPgBouncer()
if (program === undefined) {
  console.error(
    'This machine has no PgBouncer. On Debian or Ubuntu: apt-get install pgbouncer; on macOS: brew install pgbouncer.',
  )
  process.exit(2)
}

await using server = await startPostgres({ durable: false, settings: { max_connections: '300' } })
await using pooler = await startPgBouncer(program, { server: server.connectionString, poolSize: POOL_SIZE })
console.log(
  `${pooler.version} in transaction mode, ${POOL_SIZE} sessions a database, before PostgreSQL ${server.version}`,
)
for (const [test, because] of LEFT_OUT) console.log(`left out: ${test}\n          ${because}`)
process.exitCode = await runVitest(process.argv.slice(2))

function runVitest(given: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const what = given.length === 0 ? ['test/journeys'] : given
  const names = LEFT_OUT.map(([test]) => test.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  const pattern = names.length === 0 ? [] : ['--testNamePattern', `^(?!(?:${names.join('|')})$)`]
  const args = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    'database',
    ...pattern,
    ...what,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: {
        ...process.env,
        TEST_DATABASE_URL: server.connectionString,
        TEST_POOLER_PORT: String(pooler.port),
      },
      stdio: 'inherit',
    })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
