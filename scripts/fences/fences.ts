// What keeps a stale, doubled or dead actor from doing harm, in the order of ARCHITECTURE.md's walk.
import { claiming } from './claiming.ts'
import type { Fence } from './fence.ts'
import { importing } from './importing.ts'
import { keys } from './keys.ts'
import { limits } from './limits.ts'
import { marks } from './marks.ts'
import { operating } from './operating.ts'
import { processes } from './process.ts'
import { schedules } from './schedules.ts'
import { settling } from './settling.ts'
import { workers } from './workers.ts'

export const fences: readonly Fence[] = [
  ...claiming,
  ...settling,
  ...workers,
  ...keys,
  ...limits,
  ...marks,
  ...operating,
  ...processes,
  ...schedules,
  ...importing,
]
