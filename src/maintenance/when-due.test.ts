import { describe, expect, it } from 'vitest'
import { whenDue } from './when-due.ts'

const signal = new AbortController().signal
const nothing = { rescue: false, sweep: false, park: false, lift: false }

/** Chores that write down that they ran; `failing` fails. */
function chores(due: Partial<typeof nothing>, failing?: string) {
  const ran: string[] = []
  const told: string[] = []
  const chore = (name: string) =>
    [
      name,
      () => {
        ran.push(name)
        return name === failing ? Promise.reject(new Error('no')) : Promise.resolve()
      },
    ] as const
  const look = whenDue(
    { findChores: () => Promise.resolve({ ...nothing, ...due }) },
    (doing) => () => void told.push(doing),
    { rescue: chore('rescue'), sweep: chore('sweep'), park: chore('park'), lift: chore('lift') },
  )
  return { look, ran, told }
}

describe('chores', () => {
  it('are left alone where they have nothing to do', async () => {
    const { look, ran } = chores({})
    await look(signal)
    expect(ran).toEqual([])
  })

  it('are done where they have', async () => {
    const { look, ran } = chores({ sweep: true, lift: true })
    await look(signal)
    expect(ran).toEqual(['sweep', 'lift'])
  })

  it('fail apart', async () => {
    const { look, ran, told } = chores({ rescue: true, park: true, lift: true }, 'rescue')
    await look(signal)
    expect([ran, told]).toEqual([['rescue', 'park', 'lift'], ['rescue']])
  })
})
