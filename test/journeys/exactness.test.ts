import { describe, expect, it } from 'vitest'
import { runChaos } from './exactness.ts'
import { useJourney } from './journey.ts'

const app = useJourney()

describe('limits and serial keys', () => {
  it(
    'hold while processes die, the clock jumps and an operator interferes, and no job is lost',
    { timeout: 240_000 },
    async () => {
      const findings = await runChaos({
        connectionString: app.database.connectionString,
        seed: 20_261_122,
        processes: 4,
        seconds: 12,
        bulk: 300,
        killEvery: 1_200,
      })
      expect(findings.violations).toEqual([])
      expect(findings.kills + findings.stops).toBeGreaterThan(0)
      expect(findings.jumps).toBeGreaterThan(0)
      expect(findings.looks).toBeGreaterThan(10)
      // The limits were reached, so that they were tried.
      expect(findings.gates.filter(({ limit, recorded }) => limit === recorded).length).toBeGreaterThan(10)
      const { completed, cancelled, dead } = findings.ends
      process.stdout.write(
        `exactness: ${findings.added} jobs (${completed} completed, ${cancelled} cancelled, ${dead} dead), ${findings.leases} leases, ${findings.kills} kills, ${findings.jumps} jumps\n`,
      )
    },
  )
})
