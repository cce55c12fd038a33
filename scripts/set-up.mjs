// Installs the locked packages when they are missing or older than the lock file, and says nothing otherwise: those of
// the repository, or those of the folder that is named (test/drivers has its own, which only its tests need).
// Plain JavaScript with nothing but Node, because it runs before there is anything else.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [below] = process.argv.slice(2)
const folder = below === undefined ? root : `${root}${below}/`
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`KongTask needs Node 20.19 or later; this is ${process.version}.`)
  process.exit(1)
}

// npm writes this file last, so it is missing after an install that was cut short.
const installed = `${folder}node_modules/.package-lock.json`
const locked = `${folder}package-lock.json`
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(locked).mtimeMs) {
  console.error(`Installing the locked packages${below === undefined ? '' : ` of ${below}`} (npm ci) …`)
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  // Bun's and Prisma's install scripts fetch what the tests do not need from servers that may be out of reach.
  if (below !== undefined) args.push('--ignore-scripts')
  const { status } = spawnSync('npm', args, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
