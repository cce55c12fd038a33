import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TestRun } from './run-test.ts'

/** Plays up to so many random histories of jobs on a tree (scripts/model.ts): failed says after how many one was wrong. */
export async function playModel(root: string, histories: number, server: string): Promise<TestRun> {
  const output = await model(root, ['--histories', String(histories), '--lanes', '1', '--as-found'], server)
  const found = /a difference in history (\d+).*\n+(?:Seed \d+: )?(.*)/.exec(output)
  if (found !== null) return { state: 'failed', why: `history ${Number(found[1]) + 1}: ${found[2]}` }
  if (/no difference$/m.test(output)) return { state: 'passed', why: `${histories} histories` }
  return { state: 'broken', why: output.trim().split('\n').at(-1)?.slice(0, 200) ?? '' }
}

function model(root: string, args: readonly string[], server: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'scripts/model.ts'), ...args], {
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
