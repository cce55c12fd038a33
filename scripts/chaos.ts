// npm run chaos -- [--seconds 120] [--processes 8] [--seed 20261122] [--bulk 5000]: limits and serial keys while processes are
// killed, the clock jumps and an operator interferes. Ends with 1 and the evidence where a promise was broken.
import { parseArgs } from 'node:util'
import { KongTask } from 'kongtask'
import { startPostgres } from 'kongtask/embedded'
import { runChaos, type Findings } from '../test/journeys/exactness.ts'
import { numberOption } from './number-option.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    processes: { type: 'string', default: '8' },
    seed: { type: 'string', default: '20261122' },
    bulk: { type: 'string', default: '5000' },
  },
})
const seconds = numberOption(values, 'seconds')
const processes = numberOption(values, 'processes')
const seed = numberOption(values, 'seed')
const bulk = numberOption(values, 'bulk')

console.log(`chaos: seed ${seed}, ${processes} processes, ${seconds} s, a bulk of ${bulk}`)
await using server = await startPostgres({ durable: false, settings: { max_connections: '300' } })
const { connectionString } = server
await using kong = new KongTask({ connectionString })
await kong.migrate()
const begun = performance.now()
const since = (): string => `${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s`
const findings = await runChaos({
  connectionString,
  seed,
  processes,
  seconds,
  bulk,
  killEvery: 1_000,
  say: (line) => console.log(`${since()}  ${line}`),
})
console.log(`${since()}  all came to an end\n\n${report(findings)}`)
if (findings.violations.length > 0) process.exitCode = 1

function report(found: Findings): string {
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  const width = Math.max(...found.gates.map(({ gate }) => gate.length))
  return [
    `PostgreSQL ${server.version}, Node ${process.version}`,
    `${found.added} jobs added: ${listed(found.ends)}; ${found.leases} leases`,
    `${found.kills} kills, ${found.stops} stops past the lease, ${found.jumps} jumps of the clock`,
    `the operator: ${listed(found.operations)}`,
    `${found.looks} looks at valid leases, ${found.calmLooks} at gates in the calm, ${found.rated} starts held against rates`,
    '',
    `${'gate'.padEnd(width)}  limit  valid leases seen  leases recorded (largest)`,
    ...found.gates.map(
      ({ gate, limit, seen, recorded }) =>
        `${gate.padEnd(width)}  ${String(limit).padStart(5)}  ${String(seen).padStart(17)}  ${String(recorded).padStart(15)}`,
    ),
    '',
    ...(found.weather.size === 0 ? [] : ['weather that the processes reported:']),
    ...[...found.weather].map(([what, count]) => `  ${count} × ${what}`),
    found.violations.length === 0 ? 'no violation' : `${found.violations.length} VIOLATIONS`,
    ...found.violations.slice(0, 50).map((violation) => `  ${violation}`),
  ].join('\n')
}
