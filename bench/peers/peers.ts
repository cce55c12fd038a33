import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const BENCH = fileURLToPath(new URL('..', import.meta.url))
const NODE_22 = `${BENCH}peers/node22/`

/** What the peers' packages ask for (graphile-worker 0.18.0), and what runs TypeScript as it is. */
const NEEDED = [22, 18] as const

/**
 * Installs the other systems, which are a package of their own so that KongTask's stays light, and the Node that they
 * ask for where this one is older.
 */
export function installPeers(): void {
  install(BENCH, 'the systems to compare with (npm ci in bench/)')
  if (!isNewEnough()) install(NODE_22, 'Node 22 for them (npm ci in bench/peers/node22/)')
}

/** The Node that the other systems run on: this one if it is new enough for them. @throws where there is none */
export function peerNode(): string {
  if (isNewEnough()) return process.execPath
  const path = `${NODE_22}node_modules/.bin/node`
  if (existsSync(path)) return path
  throw new Error(
    `it needs Node ${NEEDED.join('.')} or later; this is ${process.version}, and bench/peers/node22 is for Linux on x64`,
  )
}

/** Whether what bench/package.json names is there, in the versions that are locked. */
export function areInstalled(): boolean {
  return isCurrent(BENCH)
}

function isNewEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}

function isCurrent(folder: string): boolean {
  // npm writes this file last, so it is missing after an install that was cut short.
  const installed = `${folder}node_modules/.package-lock.json`
  return (
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${folder}package-lock.json`).mtimeMs
  )
}

function install(folder: string, what: string): void {
  if (isCurrent(folder)) return
  console.error(`Installing ${what} …`)
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm could not install ${what}.`)
}
