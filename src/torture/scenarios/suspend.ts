import type { Dice } from '../dice.ts'
import type { Scenario, Stage } from '../scenario.ts'

export const suspend: Scenario = {
  name: 'suspend',
  summary: 'a worker process is suspended (SIGSTOP) until others have its jobs, then it goes on',
  takesProcesses: true,
  longestRecovery: ({ lease }) => lease + 5_000,
  injure: async (stage) => {
    while (!stage.over.aborted) {
      await suspendOne(stage, stage.dice)
      await stage.rest(stage.dice.between(200, 600))
    }
  },
}

/** Where enough others work. */
export async function suspendOne(stage: Stage, dice: Dice): Promise<void> {
  const { injuries, ground } = stage
  const victim = stage.victim(dice)
  if (victim === undefined) return
  const at = ground.now()
  victim.suspend()
  try {
    const injury = await injuries.toWorker('suspended', victim, at)
    await stage.untilTakenOver(injury)
    await injuries.healed(injury)
  } finally {
    victim.goOn()
  }
}
