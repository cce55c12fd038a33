import { expect, it } from 'vitest'
import type { BulkOptions, BulkResult } from '../core/bulk.ts'
import type { CommandContext } from './command.ts'
import { operateOnMatches } from './operate-matches.ts'
import { Terminal, type Input } from './terminal.ts'

const WORDS = { verb: 'delete', done: 'deleted', noun: 'job' }

/** On a terminal or not, where somebody says yes to everything; remembers what was done. */
function place(isTTY: boolean, matched: number) {
  const calls: string[] = []
  let told = ''
  const stream = { isTTY, columns: 100, write: (text: string) => void (told += text) }
  const input: Input = Object.assign(
    (async function* () {
      yield 'y'
    })(),
    { isTTY },
  )
  const context: CommandContext = {
    terminal: new Terminal({ stdout: stream, stderr: stream, env: { NO_COLOR: '1' } }),
    input,
    env: {},
    cwd: '/',
    args: [],
    isJson: false,
    isVerbose: false,
    signal: new AbortController().signal,
  }
  const perform = ({ dryRun = false }: BulkOptions): Promise<BulkResult> => {
    calls.push(dryRun ? 'counted' : 'performed')
    const changed = dryRun ? 0 : matched
    return Promise.resolve({ matched, changed, conflicts: 0, skipped: 0, scanned: matched, complete: true })
  }
  return { calls, context, perform, told: () => told }
}

it('does nothing where no job fits: none was asked about', async () => {
  const { calls, context, perform, told } = place(true, 0)
  expect(await operateOnMatches(WORDS, perform, {}, context)).toBe(0)
  expect(calls).toEqual(['counted'])
  expect(told()).toContain('No job fits.\n')
})

it('asks with the number, then does it', async () => {
  const { calls, context, perform, told } = place(true, 2)
  expect(await operateOnMatches(WORDS, perform, {}, context)).toBe(0)
  expect(calls).toEqual(['counted', 'performed'])
  expect(told()).toContain('Delete 2 jobs? [y/N]')
})

it('does not even count where nobody can be asked', async () => {
  const { calls, context, perform } = place(false, 2)
  await expect(operateOnMatches(WORDS, perform, {}, context)).rejects.toMatchObject({
    code: 'KT_USAGE_INVALID',
  })
  expect(calls).toEqual([])
})
