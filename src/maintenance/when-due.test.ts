import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred } from '../runtime/deferred.ts'
import { whenDue } from './when-due.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const INTERVAL = 1_000
const nothing = { rescue: false, absent: false, sweep: false, park: false, lift: false }

/** Until there has been one more look, whatever the jitter: it adds up to another one only after four. */
const nextLook = (): Promise<unknown> => vi.advanceTimersByTimeAsync(INTERVAL * 1.1 + 1)

/** Chores that write down when they begin, do what is said of them, and else end at once. */
function chores(
  due: Partial<typeof nothing>,
  doing: Partial<Record<keyof typeof nothing, () => Promise<unknown>>> = {},
) {
  const begun: string[] = []
  const told: string[] = []
  const signals: AbortSignal[] = []
  const findChores = vi.fn<() => Promise<typeof nothing>>(() => Promise.resolve({ ...nothing, ...due }))
  const chore = (name: keyof typeof nothing) =>
    [
      name,
      (signal: AbortSignal) => {
        begun.push(name)
        signals.push(signal)
        return doing[name]?.() ?? Promise.resolve()
      },
    ] as const
  const weather = (name: string) => () => void told.push(name)
  let see = (_: Partial<typeof nothing>): void => undefined
  const service = whenDue({
    store: { findChores },
    interval: INTERVAL,
    chores: {
      rescue: chore('rescue'),
      absent: chore('absent'),
      sweep: chore('sweep'),
      park: chore('park'),
      lift: chore('lift'),
    },
    weather,
    onSeen: (listener) => (see = listener),
  })
  return { service, findChores, begun, told, signals, see: (seen: Partial<typeof nothing>) => see(seen) }
}

describe('chores', () => {
  it('are left alone where they have nothing to do', async () => {
    const { service, begun, findChores } = chores({})
    await service.start()
    await nextLook()
    expect(findChores).toHaveBeenCalledTimes(1)
    expect(begun).toEqual([])
  })

  it('are done where they have', async () => {
    const { service, begun } = chores({ sweep: true, lift: true })
    await service.start()
    await nextLook()
    expect(begun).toEqual(['sweep', 'lift'])
  })

  it.each<readonly [string, () => Promise<unknown>]>([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('fail apart: one that %s keeps none of the others, and is done again', async (_, rescue) => {
    const { service, begun, told } = chores({ rescue: true, park: true, lift: true }, { rescue })
    await service.start()
    await nextLook()
    expect([begun, told]).toEqual([['rescue', 'park', 'lift'], ['rescue']])
    await nextLook()
    expect([begun.length, told]).toEqual([6, ['rescue', 'rescue']])
  })

  it('are looked for again after a look that failed', async () => {
    const { service, findChores, begun, told } = chores({ rescue: true })
    findChores.mockRejectedValueOnce(new Error('no'))
    await service.start()
    await nextLook()
    expect([begun, told]).toEqual([[], ['look for chores']])
    await nextLook()
    expect([begun, told]).toEqual([['rescue'], ['look for chores']])
  })
})

it('chores are looked for, however often others have looked meanwhile, for those do not look for all', async () => {
  const { service, findChores, see } = chores({})
  await service.start()
  for (let n = 0; n < 20; n++) {
    see({})
    await vi.advanceTimersByTimeAsync(INTERVAL / 2)
  }
  expect(findChores.mock.calls.length).toBeGreaterThanOrEqual(2)
  await service.stop()
})

describe('a chore that takes its time', () => {
  it('keeps none of the others', async () => {
    const due = { sweep: true, rescue: false }
    const { service, findChores, begun } = chores({}, { sweep: () => deferred().promise })
    findChores.mockImplementation(() => Promise.resolve({ ...nothing, ...due }))
    await service.start()
    await nextLook()
    expect(begun).toEqual(['sweep'])
    due.rescue = true
    await nextLook()
    await nextLook()
    expect(begun).toEqual(['sweep', 'rescue', 'rescue'])
  })

  it('is not begun again before it ends, and then it is', async () => {
    const end = deferred()
    const { service, begun } = chores({ sweep: true }, { sweep: () => end.promise })
    await service.start()
    await nextLook()
    await nextLook()
    await nextLook()
    expect(begun).toEqual(['sweep'])
    end.resolve()
    await nextLook()
    expect(begun).toEqual(['sweep', 'sweep'])
  })

  it('makes nobody look more often', async () => {
    const { service, findChores } = chores({ sweep: true }, { sweep: () => deferred().promise })
    await service.start()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(findChores.mock.calls.length).toBeGreaterThan(50)
    expect(findChores.mock.calls.length).toBeLessThanOrEqual(60 / 0.9)
  })

  it('is told to end when all is stopped, and stopping waits for it', async () => {
    const end = deferred()
    const { service, signals } = chores({ sweep: true }, { sweep: () => end.promise })
    await service.start()
    await nextLook()
    await nextLook()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    let stopped = false
    const stopping = service.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(0)
    expect([signals[0]?.aborted, stopped]).toEqual([true, false])
    end.resolve()
    await stopping
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a look that is under way when all is stopped', () => {
  it('is waited for, and begins nothing', async () => {
    const found = deferred<typeof nothing>()
    const { service, findChores, begun } = chores({})
    findChores.mockReturnValueOnce(found.promise)
    await service.start()
    await nextLook()
    let stopped = false
    const stopping = service.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(0)
    expect(stopped).toBe(false)
    found.resolve({ ...nothing, rescue: true })
    await stopping
    expect(begun).toEqual([])
  })
})

describe('what others have seen by the way', () => {
  it('is begun at once, and counts as a look', async () => {
    const { service, findChores, begun, see } = chores({})
    await service.start()
    await vi.advanceTimersByTimeAsync(INTERVAL * 0.8)
    see({ absent: true, rescue: false })
    expect(await begunAfterTurn(begun)).toEqual(['absent'])
    // The look that would have come by now, whatever the jitter.
    await vi.advanceTimersByTimeAsync(INTERVAL * 0.9)
    expect(findChores).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(INTERVAL * 0.2)
    expect(findChores).toHaveBeenCalledTimes(1)
    await service.stop()
  })

  it('begins nothing any more when all is stopped', async () => {
    const { service, begun, see } = chores({})
    await service.start()
    await service.stop()
    see({ absent: true })
    expect(await begunAfterTurn(begun)).toEqual([])
  })

  async function begunAfterTurn(begun: readonly string[]): Promise<readonly string[]> {
    await vi.advanceTimersByTimeAsync(0)
    return begun
  }
})
