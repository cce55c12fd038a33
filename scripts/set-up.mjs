// Installs the locked packages when they are missing or older than the lock file, and says nothing otherwise.
// Plain JavaScript with nothing but Node, because it runs before there is anything else.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`KongTask needs Node 20.19 or later; this is ${process.version}.`)
  process.exit(1)
}

// npm writes this file last, so it is missing after an install that was cut short.
const installed = `${root}node_modules/.package-lock.json`
const locked = `${root}package-lock.json`
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(locked).mtimeMs) {
  console.error('Installing the locked packages (npm ci) …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
