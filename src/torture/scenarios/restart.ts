import type { Scenario, Stage } from '../scenario.ts'
import type { Restart } from '../target.ts'

export const restart: Scenario = {
  name: 'restart',
  summary: 'PostgreSQL is restarted, in good order (fast) and as by a crash (immediate), in turns',
  needs: 'server',
  isProxied: true,
  injure: async (stage) => {
    const first: Restart = stage.dice.chance(0.5) ? 'fast' : 'immediate'
    // Each of them at least once, however short the time is.
    for (let n = 0; n < 2 || !stage.over.aborted; n += 1) {
      await restartServer(stage, (n % 2 === 0) === (first === 'fast') ? 'fast' : 'immediate')
      await stage.rest(stage.dice.between(700, 1_500))
    }
  },
}

export async function restartServer(stage: Stage, how: Restart): Promise<void> {
  stage.signal.throwIfAborted()
  await stage.injuries.toAll(`restart (${how})`)
  await stage.restart?.(how)
}
