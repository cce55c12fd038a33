import type { Contestant } from '../frame/measure.ts'
import { percentile } from '../frame/percentile.ts'
import type { PrepareOptions, Scenario } from '../frame/scenario.ts'
import { kongTaskVersion } from '../frame/versions.ts'
import type { BenchServer } from '../servers/databases.ts'
import { measureFairness, type Fairness } from '../systems/kongtask-fairness.ts'

const WAYS = ['bulk', 'singly'] as const
const SHARES = { p50: 0.5, p99: 0.99 } as const

export const fairness: Scenario = {
  about: `from adding a job to its start (p50, p99) for a tenant with a limit of its own, undisturbed and behind 100,000
             jobs of another tenant, added in bulk or by single calls (singly)`,
  units: { pickup_ms: 'ms' },
  peers: 'never',
  prepare,
  isYardstickFor: (yardstick, row) => yardstick.config === `${row.config} undisturbed`,
  goals: WAYS.flatMap((way) =>
    Object.keys(SHARES).map((share) => ({
      name: `${way}-${share}: at most ten times the undisturbed pickup`,
      of: { system: 'kongtask', config: `${way}-${share}` },
      to: { system: 'kongtask', config: `${way}-${share} undisturbed` },
      most: 10,
    })),
  ),
}

async function prepare(server: BenchServer, { quick }: PrepareOptions): Promise<readonly Contestant[]> {
  const connectionString = await server.createDatabase('fairness')
  return WAYS.flatMap((way) => {
    const measured = inStep(() =>
      measureFairness({
        connectionString,
        way,
        backlog: quick ? 10_000 : 100_000,
        samples: quick ? 20 : 100,
      }),
    )
    return Object.entries(SHARES).flatMap(([name, share]) => {
      const row = (config: string, of: keyof Fairness): Contestant => {
        const next = measured()
        return {
          system: 'kongtask',
          version: kongTaskVersion,
          config,
          run: async () => ({ pickup_ms: percentile((await next())[of], share) }),
        }
      }
      return [row(`${way}-${name} undisturbed`, 'undisturbed'), row(`${way}-${name}`, 'disturbed')]
    })
  })
}

/** One measurement gives several figures: whoever asks first in a round makes it, the others take theirs from it. */
function inStep<T>(measure: () => Promise<T>): () => () => Promise<T> {
  const rounds: Promise<T>[] = []
  return () => {
    let round = 0
    return () => (rounds[round++] ??= measure())
  }
}
