import type { Dice } from '../dice.ts'
import type { Scenario, Stage } from '../scenario.ts'

export const kill: Scenario = {
  name: 'kill',
  summary: 'kill -9 of a worker process, again and again, each time another one in its place',
  takesProcesses: true,
  longestRecovery: ({ lease, isSeen }) => (isSeen ? 5_000 : lease + 5_000),
  injure: async (stage) => {
    while (!stage.over.aborted) {
      await killOne(stage, stage.dice)
      await stage.rest(stage.dice.between(500, 1_200))
    }
  },
}

/** Where enough others work. */
export async function killOne(stage: Stage, dice: Dice): Promise<void> {
  const { crew, injuries, ground } = stage
  const victim = stage.victim(dice)
  if (victim === undefined) return
  const at = ground.now()
  await crew.replace(victim)
  await injuries.toWorker('kill -9', victim, at)
}
