import { spawn } from 'node:child_process'
import { environment, PROGRAM } from './pty.ts'

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `kongtask` in a process of its own, without a terminal, until it ends. */
export async function start(
  args: readonly string[],
  {
    cwd,
    env,
    input = '',
  }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
): Promise<Ended> {
  const program = spawn(process.execPath, [...PROGRAM, ...args], { cwd, env: environment(env) })
  program.stdin.end(input)
  let [stdout, stderr] = ['', '']
  program.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  program.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exitCode = await new Promise<number | null>((resolve) => program.once('close', resolve))
  return { exitCode, stdout, stderr }
}
