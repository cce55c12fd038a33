import { readFile } from 'node:fs/promises'

/** Milliseconds of processor time that these processes have had; undefined where this machine's kernel does not tell. */
export async function processorTime(pids: readonly number[]): Promise<number | undefined> {
  try {
    const times = await Promise.all(pids.map(ofOne))
    return times.reduce((sum, time) => sum + time, 0)
  } catch {
    return undefined
  }
}

/** @throws where there is none, or it is no backend: then the server is on another machine */
async function ofOne(pid: number): Promise<number> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8')
  if (!name.startsWith('postgres')) throw new Error(`Process ${pid} is ${name}`)
  const [nanoseconds] = (await readFile(`/proc/${pid}/schedstat`, 'utf8')).split(' ')
  return Number(nanoseconds) / 1e6
}
