import { until } from '../until.ts'
import type { Scenario, Stage } from '../scenario.ts'

export const snapshot: Scenario = {
  name: 'snapshot',
  summary: 'a transaction holds its snapshot all the time, so that nothing dead is cleared away',
  injure: holdSnapshot,
}

/** From now on until it is over. */
export async function holdSnapshot({ ground, injuries, over, signal }: Stage): Promise<void> {
  await injuries.toNobody('a snapshot is held')
  await ground.transaction(async (client) => {
    await client.query('set transaction isolation level repeatable read')
    await client.query(`select count(*) from ${ground.names.kong}.jobs`)
    await until(() => over.aborted, { within: Infinity, signal })
  })
}
