// Random histories of jobs, against the database and against the model of life-model.ts. `npm run model` plays ten thousand.
// KONGTASK_LIFE_SEED=… plays others, KONGTASK_LIFE_RUNS=… more of them; KONGTASK_SHRINK=1 looks for a shorter one.
import { expect, inject, it } from 'vitest'
import { playHistories } from './life-model-play.ts'
import { seedOf } from './keyed.ts'

const SEED = seedOf('KONGTASK_LIFE_SEED')
const RUNS = Number(process.env['KONGTASK_LIFE_RUNS'] ?? 120)

/** What must have happened, or the histories say nothing about it. (A completion is refused in one of some thousand only.) */
const EVENTS = [
  'claimed, lost',
  'claims refused',
  'completed in a transaction',
  'deaths heard of',
  'given back by heartbeats',
  'rescued',
  'settlements refused',
  'settlements that ended otherwise',
  'skipped',
  'swept',
  'transactions: commit',
  'transactions: rollback',
]

it(
  `after each step of a random history, the database says of each job what the model says (seed ${SEED})`,
  { timeout: 600_000 },
  async () => {
    const { difference, tally, done } = await playHistories({
      admin: inject('adminConnectionString'),
      seed: SEED,
      histories: RUNS,
      commands: 60,
      lanes: 2,
      isShortened: process.env['KONGTASK_SHRINK'] !== undefined,
    })
    expect(difference?.message, `history ${difference?.number}, the first of its seed`).toBeUndefined()
    expect(done).toBe(RUNS)
    // Of a few histories one cannot expect it.
    expect(EVENTS.filter((event) => RUNS >= 100 && !tally.has(event))).toEqual([])
  },
)
