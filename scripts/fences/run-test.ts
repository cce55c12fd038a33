import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { patternOf, type FenceTest } from './fence.ts'

/** What became of a test. broken: it did not get as far as to pass or to fail. */
export interface TestRun {
  readonly state: 'passed' | 'failed' | 'broken'
  /** The first line of what it says, where it did not pass. */
  readonly why: string
}

/** What a test that fails on its own account does not say: that code or SQL is no longer any, or that it hung. */
const BROKEN =
  /SyntaxError|ReferenceError|syntax error at|(?:column|function|relation|type) .+ does not exist|STACK_TRACE_ERROR|timed out in \d+ms/

/** As vitest's JSON reporter writes it. */
interface Report {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** Runs some tests of one file of a tree, on the server of the connection string; answers what became of each. */
export async function runTests(
  root: string,
  tests: readonly FenceTest[],
  server: string,
): Promise<readonly TestRun[]> {
  const report = join(root, 'fence-report.json')
  await rm(report, { force: true })
  const output = await vitest(root, tests, report, server)
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text === undefined) return tests.map(() => ({ state: 'broken', why: lastLine(output) }))
  const read: Report = JSON.parse(text)
  return tests.map((test) => runOf(test, read))
}

function runOf(test: FenceTest, { testResults }: Report): TestRun {
  const isMeant = new RegExp(`^${patternOf(test)}`)
  const results = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ title }) => isMeant.test(title))
  const failed = results.filter(({ status }) => status === 'failed')
  if (failed.length > 0) {
    const messages = failed.map(({ failureMessages }) => failureMessages.join('\n'))
    const message = messages.find((each) => !BROKEN.test(each))
    return message === undefined
      ? { state: 'broken', why: firstLine(messages[0] ?? '') }
      : { state: 'failed', why: firstLine(message) }
  }
  if (results.some(({ status }) => status === 'passed')) return { state: 'passed', why: '' }
  const said = testResults.map(({ message }) => message).join(' ')
  return { state: 'broken', why: said === '' ? 'there is no such test' : firstLine(said) }
}

function vitest(root: string, tests: readonly FenceTest[], report: string, server: string): Promise<string> {
  const files = new Set(tests.map(({ file }) => file))
  const pattern = tests.map(patternOf).join('|')
  const args = ['run', ...files, '-t', pattern, '--reporter=json', `--outputFile=${report}`]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: root,
      env: { ...process.env, TEST_DATABASE_URL: server },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)))
    child.once('error', reject)
    child.once('exit', () => resolve(output))
  })
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 200) ?? ''
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? ''
}
