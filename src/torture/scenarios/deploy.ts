import type { Scenario, Stage } from '../scenario.ts'
import { until } from '../until.ts'

export const deploy: Scenario = {
  name: 'deploy',
  summary: 'a rolling deployment: old code that knows one task and new code that knows two, at once',
  injure: rollOut,
}

/** Milliseconds that a process may take to start. */
const LONGEST_START = 30_000
/**
 * Milliseconds that it may take to stop in good order, beyond its grace period, which is as long as its lease. Where the database is
 * away at that moment, handlers get 6 s to heed their signals, and the last settlements 10 s to be written.
 */
const LONGEST_STOP = 20_000

/** One by one, each old process makes room for a new one. The jobs for the new ones are there before they are. */
export async function rollOut(stage: Stage): Promise<void> {
  const { crew, feeder, injuries, signal } = stage
  feeder.addLaterJobs()
  for (;;) {
    const old = crew.working.find(({ version }) => version === 'old')
    if (old === undefined) return
    await injuries.toNobody('a process is deployed')
    const next = await crew.hire('new')
    await until(() => next.state !== 'starting', { within: LONGEST_START, signal })
    if (old.state !== 'working') continue
    old.stop()
    const within = stage.lease + LONGEST_STOP
    if (!(await until(() => old.state === 'ended', { within, signal }))) {
      stage.complain(`Process ${old.process} did not stop within ${within / 1_000} s, and was killed.`)
      old.kill()
    }
    await stage.rest(stage.dice.between(200, 600))
  }
}
