import { readFileSync } from 'node:fs'
import type { BenchServer } from '../databases.ts'
import type { Contestant } from '../measure.ts'
import { drainKongTask } from '../systems/kongtask.ts'
import { drainRaw } from '../systems/raw-sql.ts'

const version = readVersion()

export const metric = { metric: 'jobs_per_s', unit: 'jobs/s' }

/** A preloaded queue of no-ops, worked until it is empty. */
export async function drain(server: BenchServer, quick: boolean): Promise<readonly Contestant[]> {
  const jobs = quick ? 20_000 : 200_000
  const raw = await server.createDatabase('drain_raw')
  const ours = await server.createDatabase('drain_kongtask')
  const kongtask = { system: 'kongtask', version }
  return [
    { system: 'raw-sql', version: server.version, config: 'default', run: () => drainRaw(raw, jobs) },
    {
      ...kongtask,
      config: 'default',
      run: () => drainKongTask({ connectionString: ours, jobs, retain: false, runner: {} }),
    },
    {
      ...kongtask,
      config: 'history',
      run: () => drainKongTask({ connectionString: ours, jobs, retain: '24h', runner: {} }),
    },
  ]
}

function readVersion(): string {
  const json: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  if (typeof json === 'object' && json !== null && 'version' in json && typeof json.version === 'string')
    return json.version
  throw new TypeError('package.json names no version')
}
