import type { Contestant, Measured } from '../frame/measure.ts'
import { kongTaskVersion, versionIn } from '../frame/versions.ts'
import type { Configuration } from '../loads/job-system.ts'
import type { BenchServer } from '../servers/databases.ts'
import { startRedis } from '../servers/redis.ts'
import { inOwnProcess } from './system-process.ts'
import type { Load, SystemName } from './work-order.ts'

/** Those that run handlers, as KongTask does. */
export const PEERS = [
  'graphile-worker',
  'pg-boss',
  'bullmq-redis',
  'bullmq-postgres',
] as const satisfies SystemName[]

export type PeerName = (typeof PEERS)[number]

interface Part {
  readonly system: SystemName
  /** The name of the row, such as the offered rate; the configuration's where it is left out. */
  readonly config?: string
  readonly configuration: Configuration
  readonly load: Load
}

/** Contestants that run in processes of their own, each on a database that is its own for the whole scenario. */
export async function ownProcesses(
  server: BenchServer,
  scenario: string,
  parts: readonly Part[],
): Promise<Contestant[]> {
  const databases = new Map<SystemName, string>()
  for (const { system } of parts) {
    if (!isOnPostgres(system) || databases.has(system)) continue
    databases.set(system, await server.createDatabase(`${scenario}_${system.replaceAll('-', '_')}`))
  }
  return parts.map(({ system, config, configuration, load }) => ({
    system,
    version: versionOf(system),
    config: config ?? configuration,
    run: async () => {
      const order = (connectionString: string): Promise<Measured> =>
        inOwnProcess({ system, load, options: { connectionString, configuration, isFirst: true } })
      if (system !== 'bullmq-redis') return order(databases.get(system) ?? '')
      await using redis = await startRedis()
      return await order(redis.url)
    },
  }))
}

function isOnPostgres(system: SystemName): boolean {
  return system !== 'bullmq-redis' && system !== 'in-memory'
}

function versionOf(system: SystemName): string {
  if (system === 'kongtask') return kongTaskVersion
  if (system === 'in-memory') return process.versions.node
  return versionIn(`node_modules/${system.replace(/^bullmq-.*/, 'bullmq')}/package.json`)
}
