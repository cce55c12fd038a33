// What is measured of adding, whatever the system: one at a time, a thousand at once, many in one call.

/** One system, connected to a database of its own. */
export interface Adder {
  /** Takes all jobs away. */
  empty(): Promise<void>
  addOne(payload: Payload): Promise<unknown>
  addMany(payloads: readonly Payload[]): Promise<unknown>
  count(): Promise<number>
  close(): Promise<void>
}

/** Some hundred bytes, as a job often has. */
export interface Payload {
  readonly n: number
  readonly userId: string
  readonly email: string
  readonly template: string
}

export function payloadOf(n: number): Payload {
  return { n, userId: `user_${n}`, email: `user${n}@example.org`, template: 'welcome/en' }
}

/** How jobs are added; `jobs` in all, `atOnce` of them in one call or in concurrent calls. */
export interface Load {
  readonly jobs: number
  readonly atOnce: number
  readonly add: (adder: Adder, payloads: readonly Payload[]) => Promise<unknown>
}

export const oneAtATime = (jobs: number): Load => ({
  jobs,
  atOnce: 1,
  add: (adder, [payload = payloadOf(0)]) => adder.addOne(payload),
})

export const concurrently = (jobs: number, atOnce: number): Load => ({
  jobs,
  atOnce,
  add: (adder, payloads) => Promise.all(payloads.map((payload) => adder.addOne(payload))),
})

export const inBulk = (jobs: number, atOnce: number): Load => ({
  jobs,
  atOnce,
  add: (adder, payloads) => adder.addMany(payloads),
})

/** Adds the jobs, and counts the rows afterwards. Answers jobs per second. */
export async function measureAdding(open: () => Promise<Adder>, load: Load): Promise<number> {
  const adder = await open()
  try {
    await adder.empty()
    await addAll(adder, { ...load, jobs: Math.max(load.atOnce, Math.ceil(load.jobs / 10)) })
    await adder.empty()
    const seconds = await addAll(adder, load)
    const count = await adder.count()
    if (count !== load.jobs)
      throw new Error(`There are ${count} of ${load.jobs} jobs: the measurement is void.`)
    return load.jobs / seconds
  } finally {
    await adder.close()
  }
}

/** Answers seconds. */
async function addAll(adder: Adder, { jobs, atOnce, add }: Load): Promise<number> {
  const payloads = Array.from({ length: jobs }, (_, n) => payloadOf(n))
  const started = performance.now()
  for (let next = 0; next < jobs; next += atOnce) await add(adder, payloads.slice(next, next + atOnce))
  return (performance.now() - started) / 1_000
}
