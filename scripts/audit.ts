// npm run audit: what the lock files name is bound to its content by a hash and comes from the registry alone; and nothing that
// is installed with kongtask is known to be unsafe. Where the registry cannot be asked, it says so, and the rest counts.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LOCKS = [
  'package-lock.json',
  'bench/package-lock.json',
  'bench/peers/node22/package-lock.json',
  'test/drivers/package-lock.json',
]
const REGISTRY = 'https://registry.npmjs.org/'

const flaws = LOCKS.flatMap((path) => flawsOf(path, JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'))))
const known = ask()
for (const line of [...flaws, ...(known ?? [])]) console.error(line)
console.log(
  known === undefined
    ? `lock files: ${verdict(flaws)}; NOT audited: the registry could not be asked what it knows`
    : `lock files: ${verdict(flaws)}; audit of what is installed with kongtask: ${verdict(known)}`,
)
if (flaws.length > 0 || (known ?? []).length > 0) process.exitCode = 1

function flawsOf(path: string, lock: unknown): string[] {
  const packages = isRecord(lock) && isRecord(lock['packages']) ? lock['packages'] : undefined
  if (packages === undefined) return [`${path} names no packages.`]
  return Object.entries(packages).flatMap(([name, entry]) => {
    // The package itself.
    if (name === '') return []
    if (!isRecord(entry) || entry['link'] === true) return [`${path}: ${name} is no package of the registry.`]
    const { integrity, resolved } = entry
    return [
      ...(typeof integrity === 'string' && integrity.startsWith('sha512-')
        ? []
        : [`${path}: ${name} has no sha512 hash.`]),
      // Without it, npm takes the configured registry.
      ...(resolved === undefined || (typeof resolved === 'string' && resolved.startsWith(REGISTRY))
        ? []
        : [`${path}: ${name} comes from ${JSON.stringify(resolved)}.`]),
    ]
  })
}

/** What is known against the packages; undefined where nobody could be asked. */
function ask(): string[] | undefined {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json', '--fetch-retries=0'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60_000,
    shell: process.platform === 'win32',
  })
  const answer = parsed(stdout)
  if (!isRecord(answer) || !isRecord(answer['vulnerabilities'])) return undefined
  return Object.entries(answer['vulnerabilities']).map(([name, found]) => {
    const severity = isRecord(found) ? String(found['severity']) : 'unknown'
    return `${name} is known to be unsafe (${severity}): npm audit --omit=dev says more.`
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function verdict(found: readonly string[]): string {
  return found.length === 0 ? 'in order' : `${found.length} found`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
