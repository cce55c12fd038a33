import type { Dice } from '../dice.ts'
import { HOLD_CONNECTION, POOL } from '../load.ts'
import type { Scenario, Stage } from '../scenario.ts'
import { until } from '../until.ts'

export const pool: Scenario = {
  name: 'pool',
  summary: "handlers hold all connections of their process's pool, so that the others get none",
  injure: async (stage) => {
    for (let n = 0; n < 1 || !stage.over.aborted; n += 1) {
      await exhaust(stage, stage.dice)
      await stage.rest(stage.dice.between(200, 600))
    }
  },
}

/** Milliseconds. */
const LONGEST = 30_000

/** More than the pools have, for long enough that others give up waiting. Resolves when all of them are over. */
export async function exhaust({ injuries, feeder, crew, ground, signal }: Stage, dice: Dice): Promise<void> {
  const { kong } = ground.names
  await injuries.toNobody('pools exhausted')
  await feeder.addHolds(crew.members.length * (POOL + 2), () => dice.between(800, 2_600))
  const areOver = async (): Promise<boolean> => {
    const [row] = await ground.query<{ jobs: number }>(
      `select count(*)::int4 as jobs from ${kong}.jobs j join ${kong}.tasks t on t.id = j.task_id where t.name = $1`,
      [HOLD_CONNECTION],
    )
    return row?.jobs === 0
  }
  // Where they never end, the end of all jobs will tell.
  await until(areOver, { within: LONGEST, every: 200, signal })
}
