import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { EmbeddedPostgres, StartPostgresOptions } from '../../src/embedded/embedded.ts'

const PROGRAM = fileURLToPath(new URL('owner-process.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

type Facts = Pick<EmbeddedPostgres, 'connectionString' | 'dataDir' | 'source' | 'version'>

export interface Owner extends Facts {
  /** Ends the process, and waits for that. */
  end(how: 'stop' | 'exit' | NodeJS.Signals): Promise<void>
}

/**
 * Another process that starts a server, or joins one; rejects with what it printed when it ends instead. The signal
 * kills it while it starts.
 */
export async function startOwner(
  options: Omit<StartPostgresOptions, 'signal'> = {},
  signal = new AbortController().signal,
): Promise<Owner> {
  const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, JSON.stringify(options)], {
    cwd: ROOT,
    killSignal: 'SIGKILL',
    signal,
    stdio: 'pipe',
  })
  child.on('error', () => undefined)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const complaint = text(child.stderr)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const { value: facts, done } = await lines.next()
  if (done === true) throw new Error(await complaint)
  return {
    ...JSON.parse(facts),
    async end(how) {
      if (how === 'stop' || how === 'exit') child.stdin.write(`${how}\n`)
      else child.kill(how)
      await exited
    },
  }
}
