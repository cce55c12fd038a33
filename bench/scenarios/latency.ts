import type { Contestant } from '../frame/measure.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import { measureIdleLatency, measureLatencyAt } from '../loads/latency.ts'
import type { BenchServer } from '../servers/databases.ts'
import { kongTaskLatency } from '../systems/kongtask-latency.ts'
import { rawSqlLatency } from '../systems/raw-sql-latency.ts'
import { rawSqlLatencyAtRate } from '../systems/raw-sql-latency-at-rate.ts'

const RATES = [100, 1_000, 5_000]

export const latency: Scenario = {
  about: `from adding a job to its handler's start, one at a time (idle), and at 100, 1,000 and 5,000 jobs a second:
             KongTask, beside insert, NOTIFY and claim by hand`,
  units: { p50_ms: 'ms', p99_ms: 'ms', max_ms: 'ms' },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick, row) => yardstick.system === 'raw-sql' && yardstick.config === row.config,
  goals: [
    {
      name: 'idle: half of the jobs start within 1.5 × a claim by hand',
      of: { system: 'kongtask', config: 'idle', metric: 'p50_ms' },
      to: { system: 'raw-sql', config: 'idle', metric: 'p50_ms' },
      most: 1.5,
    },
    {
      name: 'idle: p99 within 5 × p50, or 5 ms',
      of: { system: 'kongtask', config: 'idle', metric: 'p99_ms' },
      to: { system: 'kongtask', config: 'idle', metric: 'p50_ms' },
      floor: 1,
      most: 5,
    },
    {
      name: '1,000 a second: p99 in ms',
      of: { system: 'kongtask', config: '1000', metric: 'p99_ms' },
      most: 15,
    },
  ],
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const raw = await server.createDatabase('latency_raw')
  const ours = await server.createDatabase('latency_kongtask')
  const jobs = quick ? 50 : 300
  const seconds = quick ? 3 : 15
  const kongTask = (config: string, run: Contestant['run']): Contestant => ({
    system: 'kongtask',
    version: kongTaskVersion,
    config,
    run,
  })
  const rawSql = (config: string, run: Contestant['run']): Contestant => ({
    system: 'raw-sql',
    version: server.version,
    config,
    run,
  })
  return [
    rawSql('idle', () => measureIdleLatency((starts) => rawSqlLatency(raw, starts), jobs)),
    kongTask('idle', () => measureIdleLatency((starts) => kongTaskLatency(ours, starts), jobs)),
    ...RATES.flatMap((perSecond) => {
      const at = { perSecond, seconds }
      return [
        rawSql(`${perSecond}`, () => measureLatencyAt((starts) => rawSqlLatencyAtRate(raw, starts), at)),
        kongTask(`${perSecond}`, () => measureLatencyAt((starts) => kongTaskLatency(ours, starts), at)),
      ]
    }),
  ]
}
