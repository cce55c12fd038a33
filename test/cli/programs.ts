import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A program that says its number, heeds no signal and does not end. */
export const STUBBORN = `#!/bin/sh\ntrap '' TERM INT\necho begun $$ >&2\nwhile :; do sleep 1000; done\n`

/** The number that was said. */
export function pidIn(shown: string): number {
  return Number(/begun (\d+)/.exec(shown)?.[1])
}

/** One that has ended, and of whose end nobody has asked yet, is not. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)])
    return !stdout.trim().startsWith('Z')
  } catch {
    return false
  }
}
