// Where a process's time goes, function by function.
import { Session, type Profiler } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'

const INTERVAL_US = 200
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What V8 sampled while `work` went on: the content of a .cpuprofile. */
export async function profiled(work: () => Promise<unknown>): Promise<Profiler.Profile> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
    await session.post('Profiler.start')
    await work()
    const { profile } = await session.post('Profiler.stop')
    return profile
  } finally {
    session.disconnect()
  }
}

export interface FunctionTime {
  readonly name: string
  readonly where: string
  /** Spent in itself, not in what it calls, in microseconds. */
  readonly self: number
}

/** Functions by the time that was spent in themselves, most first; without the time in which nothing was to be done. */
export function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): FunctionTime[] {
  const byNode = new Map<number, number>()
  samples.forEach((node, index) => byNode.set(node, (byNode.get(node) ?? 0) + (timeDeltas[index] ?? 0)))
  const byFunction = new Map<string, FunctionTime>()
  for (const { id, callFrame } of nodes) {
    const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName
    const where = callFrame.url === '' ? '' : `${placeOf(callFrame.url)}:${callFrame.lineNumber + 1}`
    // The second is the profiler itself, when it starts and stops.
    if (name === '(idle)' || (name === 'dispatch' && where === '')) continue
    const self = (byFunction.get(`${name} ${where}`)?.self ?? 0) + (byNode.get(id) ?? 0)
    byFunction.set(`${name} ${where}`, { name, where, self })
  }
  return [...byFunction.values()].toSorted((a, b) => b.self - a.self)
}

function placeOf(url: string): string {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path
}
