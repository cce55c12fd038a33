import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

declare global {
  // oxlint-disable-next-line no-var, vars-on-top -- a global variable is declared so
  var kongtaskPackage: string | undefined
}

/**
 * The package as users have it, built from what is here now: to load it from TypeScript takes each program that a test starts
 * three times as long. Once in each process of tests, and gone with it.
 */
export function builtPackage(): string {
  globalThis.kongtaskPackage ??= build()
  return globalThis.kongtaskPackage
}

function build(): string {
  // Within this folder, so that the packages that it needs are found.
  const folder = join(root, '.kongtask', 'test', `package-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'))
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'dist')]
  execFileSync(process.execPath, [tsc, ...options, '--declaration', 'false'], { stdio: 'inherit' })
  return folder
}
