import type { Dice } from '../dice.ts'
import type { Scenario, Stage } from '../scenario.ts'

export const backends: Scenario = {
  name: 'backends',
  summary: "PostgreSQL ends the workers' connections (pg_terminate_backend), one by one and all at once",
  needs: 'proxy',
  isProxied: true,
  injure: async (stage) => {
    let ended = 0
    for (let n = 0; n < 2 || !stage.over.aborted; n += 1) {
      for (let single = stage.dice.between(3, 6); single > 0; single -= 1) {
        ended += await terminateOne(stage, stage.dice)
        await stage.rest(stage.dice.between(60, 200))
      }
      ended += await terminateAll(stage)
      await stage.rest(stage.dice.between(400, 900))
    }
    if (ended === 0)
      stage.complain(
        'None of the connections of the workers is in pg_stat_activity: a pooler in between hides them.',
      )
  },
}

/** Returns how many connections it ended. */
export async function terminateOne(stage: Stage, dice: Dice): Promise<number> {
  const port = dice.of(portsOf(stage))
  const ended = port === undefined ? 0 : await terminate(stage, [port])
  if (ended > 0) await stage.injuries.toNobody('a connection ended')
  return ended
}

export async function terminateAll(stage: Stage): Promise<number> {
  const ports = portsOf(stage)
  await stage.injuries.toAll('all connections ended')
  return terminate(stage, ports)
}

function portsOf({ crew }: Stage): number[] {
  return crew.members.flatMap(({ proxy }) => proxy?.farPorts ?? [])
}

/** By the port that a connection comes from: other users of the database may bear the same names. */
async function terminate({ ground }: Stage, ports: readonly number[]): Promise<number> {
  const rows = await ground.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = current_user and client_port = any($1::int4[])`,
    [ports],
  )
  return rows.length
}
