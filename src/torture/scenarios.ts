import type { Scenario } from './scenario.ts'
import { all } from './scenarios/all.ts'
import { backends } from './scenarios/backends.ts'
import { deploy } from './scenarios/deploy.ts'
import { halfOpen } from './scenarios/half-open.ts'
import { kill } from './scenarios/kill.ts'
import { pool } from './scenarios/pool.ts'
import { restart } from './scenarios/restart.ts'
import { snapshot } from './scenarios/snapshot.ts'
import { suspend } from './scenarios/suspend.ts'

/** In the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  kill,
  suspend,
  restart,
  backends,
  halfOpen,
  pool,
  snapshot,
  deploy,
  all,
]
