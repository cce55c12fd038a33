import type { Dice } from '../dice.ts'
import type { Scenario, Stage } from '../scenario.ts'
import { isWeather } from '../weather.ts'
import { terminateAll, terminateOne } from './backends.ts'
import { rollOut } from './deploy.ts'
import { cutOffOne } from './half-open.ts'
import { killOne } from './kill.ts'
import { exhaust } from './pool.ts'
import { restartServer } from './restart.ts'
import { holdSnapshot } from './snapshot.ts'
import { suspendOne } from './suspend.ts'

export const all: Scenario = {
  name: 'all',
  summary: 'everything together, when and to whom the seed decides',
  isProxied: true,
  takesProcesses: true,
  injure: async (stage) => {
    const repeat = async (
      [least, most]: readonly [number, number],
      blow: (stage: Stage, dice: Dice) => Promise<unknown>,
    ): Promise<void> => {
      // Each has numbers of its own, or how long one takes would change what another does.
      const dice = stage.dice.fork()
      for (;;) {
        await stage.rest(dice.between(least, most))
        if (stage.over.aborted) return
        await blow(stage, dice)
      }
    }
    const blows = [
      repeat([800, 2_000], killOne),
      repeat([300, 1_500], suspendOne),
      repeat([400, 1_500], terminateOne),
      repeat([2_500, 5_000], exhaust),
      ...(stage.crew.members.some(({ proxy }) => proxy !== undefined)
        ? [repeat([300, 1_500], cutOffOne), repeat([1_500, 4_000], terminateAll)]
        : []),
      ...(stage.restart === undefined
        ? []
        : [
            repeat([2_000, 6_000], (there, dice) =>
              restartServer(there, dice.chance(0.5) ? 'fast' : 'immediate'),
            ),
          ]),
      rollOut(stage),
      holdSnapshots(stage),
    ]
    await Promise.all(blows)
  },
}

/** A restart ends the one that is held, and then another one is. */
async function holdSnapshots(stage: Stage): Promise<void> {
  while (!stage.over.aborted) {
    await holdSnapshot(stage).catch((error: unknown) => {
      if (!isWeather(error)) throw error
    })
    await stage.rest(200)
  }
}
