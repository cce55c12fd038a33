import type { Flow, FlowMark } from '../core/flow.ts'
import type { Store } from '../store/store.ts'
import { explained } from './explained.ts'

/** Looks what went through since `before`; a first look only marks where the next one begins. */
export async function readFlow(
  store: Pick<Store, 'readFlowMark' | 'readFlow'>,
  before: FlowMark | undefined,
): Promise<Flow> {
  const mark = await explained(store.readFlowMark())
  if (before === undefined) return { mark, ms: 0, tasks: [] }
  const tasks = await explained(store.readFlow(before, mark))
  return { mark, ms: Number(BigInt(mark.at) - BigInt(before.at)) / 1_000, tasks }
}
