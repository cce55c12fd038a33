import { performCommandLine } from '../../src/cli/program.ts'

export interface Spoken {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** What a command line says, without a terminal unless `isTTY`. */
export async function perform(args: readonly string[], isTTY = false): Promise<Spoken> {
  let [stdout, stderr] = ['', '']
  const exitCode = await performCommandLine(args, {
    stdout: { isTTY, columns: 100, write: (text) => void (stdout += text) },
    stderr: { isTTY, columns: 100, write: (text) => void (stderr += text) },
    env: {},
  })
  return { exitCode, stdout, stderr }
}
