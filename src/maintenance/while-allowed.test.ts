import { describe, expect, it, vi } from 'vitest'
import type { Events } from '../core/events.ts'
import { Emitter } from '../runtime/emitter.ts'
import { whileAllowed } from './while-allowed.ts'

const { signal } = new AbortController()

function denied(): Error {
  return Object.assign(new Error('must be owner of table history'), { code: '42501' })
}

function listening(): { events: Emitter<Events>; told: Events['worker.not_allowed'][] } {
  const events = new Emitter<Events>(() => undefined)
  const told: Events['worker.not_allowed'][] = []
  events.on('worker.not_allowed', (event) => told.push(event))
  return { events, told }
}

describe('a chore that the role may not do', () => {
  it('is tried once, told once, and left alone from then on', async () => {
    const { events, told } = listening()
    const error = denied()
    const chore = vi.fn<() => Promise<never>>(() => Promise.reject(error))
    const run = whileAllowed('sweep', events, chore)
    await run(signal)
    await run(signal)
    expect(chore).toHaveBeenCalledTimes(1)
    expect(told).toEqual([{ doing: 'sweep', error }])
  })

  it('is not confused with weather, which is thrown and tried again', async () => {
    const { events, told } = listening()
    const error = Object.assign(new Error('the server stops'), { code: '57P01' })
    const chore = vi.fn<() => Promise<never>>(() => Promise.reject(error))
    const run = whileAllowed('sweep', events, chore)
    await expect(run(signal)).rejects.toBe(error)
    await expect(run(signal)).rejects.toBe(error)
    expect(told).toEqual([])
  })

  it('that it may do is done each time', async () => {
    const { events } = listening()
    const chore = vi.fn<() => Promise<number>>(() => Promise.resolve(5))
    const run = whileAllowed('sweep', events, chore)
    expect([await run(signal), await run(signal)]).toEqual([5, 5])
  })
})
