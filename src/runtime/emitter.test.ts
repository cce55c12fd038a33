import { describe, expect, it } from 'vitest'
import { Emitter } from './emitter.ts'

interface Events {
  readonly added: number
  readonly removed: string
}

function emitter(): { readonly events: Emitter<Events>; readonly errors: unknown[] } {
  const errors: unknown[] = []
  return { events: new Emitter((error, name) => errors.push([name, error])), errors }
}

describe('an emitter', () => {
  it('tells every listener of that name, in the order in which they came', () => {
    const { events } = emitter()
    const heard: unknown[] = []
    events.on('added', (n) => heard.push(['first', n]))
    events.on('added', (n) => heard.push(['second', n]))
    events.on('removed', (name) => heard.push(name))
    events.emit('added', 1)
    expect(heard).toEqual([
      ['first', 1],
      ['second', 1],
    ])
  })

  it('tells nobody any more who has ended it, and that can be done twice', () => {
    const { events } = emitter()
    const heard: number[] = []
    const off = events.on('added', (n) => heard.push(n))
    events.on('added', (n) => heard.push(n * 10))
    events.emit('added', 1)
    off()
    off()
    events.emit('added', 2)
    expect(heard).toEqual([1, 10, 20])
  })

  it('knows whether anybody listens', () => {
    const { events } = emitter()
    expect(events.has('added')).toBe(false)
    const off = events.on('added', () => undefined)
    expect([events.has('added'), events.has('removed')]).toEqual([true, false])
    off()
    expect(events.has('added')).toBe(false)
  })

  it('lets a listener that throws harm neither the others nor the caller', () => {
    const { events, errors } = emitter()
    const heard: number[] = []
    const broken = new Error('broken')
    events.on('added', () => {
      throw broken
    })
    events.on('added', (n) => heard.push(n))
    events.emit('added', 1)
    expect(heard).toEqual([1])
    expect(errors).toEqual([['added', broken]])
  })

  it('reports a listener that rejects, and leaves no rejection to nobody', async () => {
    const { events, errors } = emitter()
    const broken = new Error('broken')
    events.on('removed', () => Promise.reject(broken))
    events.emit('removed', 'x')
    expect(errors).toEqual([])
    await Promise.resolve()
    expect(errors).toEqual([['removed', broken]])
  })

  it('does not wait for a listener', () => {
    const { events } = emitter()
    const heard: number[] = []
    events.on('added', () => new Promise(() => undefined))
    events.on('added', (n) => heard.push(n))
    events.emit('added', 1)
    expect(heard).toEqual([1])
  })

  it('tells a listener that came during an event of the next one, not of this', () => {
    const { events } = emitter()
    const heard: number[] = []
    let off = (): void => undefined
    const listener = (n: number): void => {
      heard.push(n)
      // Somebody who arms himself anew each time; the bound is there for when he is told over and over.
      if (heard.length > 10) return
      off()
      off = events.on('added', listener)
    }
    off = events.on('added', listener)
    events.emit('added', 1)
    expect(heard).toEqual([1])
    events.emit('added', 2)
    expect(heard).toEqual([1, 2])
  })
})
