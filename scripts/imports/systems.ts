import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installPeers, peerNode } from '../../bench/peers/peers.ts'

/** The systems that can be imported from, by the names of their packages. */
export const SYSTEMS = ['graphile-worker', 'pg-boss', 'bullmq'] as const
export type System = (typeof SYSTEMS)[number]

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))

/** Installs their packages, where they are not. */
export function installSystems(): void {
  installPeers()
}

/** The version that is installed. */
export function versionOf(system: System): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(`${BENCH}node_modules/${system}/package.json`, 'utf8'),
  )
  return version
}

/** Has the package itself make its tables and add jobs of every kind (bench/imports). */
export async function seed(system: System, connectionString: string): Promise<void> {
  const child = spawn(peerNode(), [`${BENCH}imports/${system}.mjs`, connectionString], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code, signal]: unknown[] = await once(child, 'close')
  // One of them kills itself, to leave a job behind that is being run.
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`${system} could not be seeded:\n${said}`)
}
