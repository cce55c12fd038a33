// npm run fences -- [--only NAME]... [--json] [--model [--histories 2000]]: each fence of scripts/fences/ is cut out of a copy of
// the work tree, and the test that holds it must fail there. Uncut, it must pass. With --model it is the random histories of
// scripts/model.ts that must find it, for those fences that they are about. Ends with 1 where something is not as it should be.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startPostgres } from '../src/embedded/embedded.ts'
import { memoryFolder } from '../test/support/memory-folder.ts'
import { TreeCopy } from './fences/copy.ts'
import type { Fence, FenceTest } from './fences/fence.ts'
import { fences } from './fences/fences.ts'
import { playModel } from './fences/play-model.ts'
import { runTests, type TestRun } from './fences/run-test.ts'

interface Verdict {
  readonly name: string
  readonly test: string
  /** It matters, and a test shows it. */
  readonly isHeld: boolean
  readonly said: string
  readonly seconds: number
}

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
    model: { type: 'boolean', default: false },
    histories: { type: 'string', default: '2000' },
  },
})
const chosen = choose(values.only)
const say = (text: string): void => void (values.json ? undefined : process.stdout.write(text))

const memory = await memoryFolder()
if (memory !== undefined) process.env['TMPDIR'] ??= memory
const given = process.env['TEST_DATABASE_URL'] ?? ''
// The one that all tests run on. Older servers do some of it by themselves: they settle a job that has moved, for example.
const source = process.env['KONGTASK_POSTGRES'] === undefined ? 'package' : 'auto'
await using server = given === '' ? await startPostgres({ durable: false, source }) : undefined
const connectionString = server?.connectionString ?? given
const verdicts: Verdict[] = []
const uncut = values.model ? new Map<string, TestRun>() : await runUncut()
for (const fence of chosen) {
  say(`${String(verdicts.length + 1).padStart(3)}/${chosen.length} ${fence.name.padEnd(width())} `)
  const verdict = values.model ? await judgeByModel(fence) : await judge(fence)
  verdicts.push(verdict)
  say(
    `${verdict.isHeld ? 'held    ' : 'NOT HELD'} ${verdict.seconds.toFixed(1).padStart(5)} s  ${verdict.said}\n`,
  )
}
const open = verdicts.filter(({ isHeld }) => !isHeld)
if (values.json) console.log(JSON.stringify(verdicts, null, 2))
else {
  say(`\n${table()}\n\n${verdicts.length - open.length} of ${verdicts.length} fences are held\n`)
}
if (open.length > 0) process.exitCode = 1

/** All tests, file by file, where nothing is cut. */
async function runUncut(): Promise<ReadonlyMap<string, TestRun>> {
  const runs = new Map<string, TestRun>()
  await using copy = await TreeCopy.of(root)
  for (const file of new Set(chosen.map(({ test }) => test.file))) {
    const tests = chosen.map(({ test }) => test).filter((test) => test.file === file)
    say(`uncut: ${file}\n`)
    const answers = await runTests(copy.root, tests, connectionString)
    for (const [index, test] of tests.entries()) {
      const answer = answers[index]
      if (answer !== undefined) runs.set(nameOf(test), answer)
    }
  }
  return runs
}

/** In a copy of its own: what one leaves, the next must not see. */
async function judge(fence: Fence): Promise<Verdict> {
  const begun = performance.now()
  const test = nameOf(fence.test)
  const answer = (isHeld: boolean, said: string): Verdict => ({
    name: fence.name,
    test,
    isHeld,
    said,
    seconds: (performance.now() - begun) / 1_000,
  })
  const before = uncut.get(test)
  if (before?.state !== 'passed')
    return answer(false, `uncut, it ${before?.state ?? 'did not run'}: ${before?.why ?? ''}`)
  await using copy = await TreeCopy.of(root)
  await copy.cut(fence.cuts)
  const [after] = await runTests(copy.root, [fence.test], connectionString)
  return answer(
    after?.state === 'failed',
    after?.state === 'passed' ? 'passes without it' : (after?.why ?? ''),
  )
}

function nameOf({ file, name }: FenceTest): string {
  return `${file}: ${name}`
}

async function judgeByModel(fence: Fence): Promise<Verdict> {
  const begun = performance.now()
  await using copy = await TreeCopy.of(root)
  await copy.cut(fence.cuts)
  const { state, why } = await playModel(copy.root, Number(values.histories), connectionString)
  const seconds = (performance.now() - begun) / 1_000
  return { name: fence.name, test: 'npm run model', isHeld: state === 'failed', said: why, seconds }
}

function choose(only: readonly string[]): readonly Fence[] {
  const wanted = only.flatMap((names) => names.split(','))
  const strange = wanted.filter((name) => fences.every((fence) => fence.name !== name))
  if (strange.length > 0) {
    console.error(
      `There is no fence ${strange.join(', ')}. There are:\n  ${fences.map(({ name }) => name).join('\n  ')}`,
    )
    process.exit(2)
  }
  return fences.filter(
    ({ name, inModel }) =>
      (wanted.length === 0 || wanted.includes(name)) && (!values.model || inModel === true),
  )
}

function width(): number {
  return Math.max(...chosen.map(({ name }) => name.length))
}

function table(): string {
  return verdicts
    .map(({ name, isHeld, test }) => `${isHeld ? 'held    ' : 'NOT HELD'}  ${name.padEnd(width())}  ${test}`)
    .join('\n')
}
