import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Installs the other systems, which are a package of their own so that KongTask's stays light: where they are missing
 * or older than bench/package-lock.json.
 */
export function installPeers(): void {
  const here = fileURLToPath(new URL('.', import.meta.url))
  // npm writes this file last, so it is missing after an install that was cut short.
  const installed = `${here}node_modules/.package-lock.json`
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${here}package-lock.json`).mtimeMs)
    return
  console.error('Installing the systems to compare with (npm ci in bench/) …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: here,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error('The systems to compare with could not be installed.')
}
