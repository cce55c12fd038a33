import type { Dice } from '../dice.ts'
import type { Scenario, Stage } from '../scenario.ts'

export const halfOpen: Scenario = {
  name: 'half-open',
  summary: 'the network between a worker and the database falls silent without closing a connection',
  needs: 'proxy',
  isProxied: true,
  takesProcesses: true,
  longestRecovery: ({ lease }) => lease + 5_000,
  injure: async (stage) => {
    while (!stage.over.aborted) {
      await cutOffOne(stage, stage.dice)
      await stage.rest(stage.dice.between(200, 600))
    }
  },
}

/** Where enough others work. Its old connections stay silent for ever, new ones get through again. */
export async function cutOffOne(stage: Stage, dice: Dice): Promise<void> {
  const { injuries, ground } = stage
  const victim = stage.victim(dice)
  if (victim?.proxy === undefined) return
  const at = ground.now()
  victim.cutOff()
  try {
    const injury = await injuries.toWorker('cut off', victim, at)
    await stage.untilTakenOver(injury)
    await injuries.healed(injury)
  } finally {
    victim.reconnect()
  }
}
