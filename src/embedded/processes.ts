import { readFile } from 'node:fs/promises'
import { runCommand } from './command.ts'
import { hasCode } from './error-code.ts'

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/** Whether the process is a server whose command line names the folder: a pid alone may long be somebody else's. */
export async function isServerOf(pid: number, folder: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(async () => {
    const { stdout } = await runCommand('ps', ['-ww', '-o', 'args=', '-p', `${pid}`])
    return stdout
  })
  return commandLine.includes(folder)
}
