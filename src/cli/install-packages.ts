import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const LOCK_FILES: readonly (readonly [file: string, manager: string])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
]

/** Whose lock file is in the folder, else who started this process, else npm. */
export function packageManagerOf(folder: string, env: Readonly<Record<string, string | undefined>>): string {
  const [, byLock] = LOCK_FILES.find(([file]) => existsSync(join(folder, file))) ?? []
  if (byLock !== undefined) return byLock
  const [, starter] = /^(npm|pnpm|yarn|bun)\//.exec(env['npm_config_user_agent'] ?? '') ?? []
  return starter ?? 'npm'
}

/** Milliseconds. */
const MOMENT = 1_000

/** The end of what it printed, where it failed. */
export async function installPackages(
  manager: string,
  folder: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const quiet = manager === 'npm' ? ['--no-audit', '--no-fund'] : []
  const install = spawn(manager, ['install', ...quiet], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  let printed = ''
  for (const stream of [install.stdout, install.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-2_000)))
  try {
    const [code, killedBy]: unknown[] = await once(install, 'close')
    // Ctrl-C goes to both of us, and it may have heard first.
    if (killedBy === 'SIGINT' || killedBy === 'SIGTERM') await delay(MOMENT, undefined, { signal })
    return code === 0 ? undefined : printed.trim()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
