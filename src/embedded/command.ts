import { execFile } from 'node:child_process'
import type { RunAs } from './run-as.ts'

export interface CommandResult {
  readonly ok: boolean
  readonly stdout: string
  /** What went wrong, in the command's own words; the system's where it could not even be started. */
  readonly problem: string
}

export interface CommandOptions {
  readonly as?: RunAs
  readonly cwd?: string
  readonly signal?: AbortSignal
}

/** Runs a command to its end. A failure is a value: every caller has something better to say about it. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { as = {}, cwd = '/', signal } = options
  return new Promise((resolve) => {
    const settings = { ...as, cwd, env: commandEnvironment(), ...(signal === undefined ? {} : { signal }) }
    execFile(file, [...args], settings, (error, stdout, stderr) => {
      resolve({ ok: error === null, stdout, problem: stderr.trim() || (error?.message ?? '') })
    })
  })
}

/**
 * What our commands and the server get to see: enough to be found and loaded. PGDATA, PGPORT or PGOPTIONS of the
 * user's shell would change what they do, and messages that we read have to be in English.
 */
export function commandEnvironment(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', LD_LIBRARY_PATH } = process.env
  const loader = LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }
  return { PATH, ...loader, LC_ALL: 'C', TZ: 'UTC' }
}
