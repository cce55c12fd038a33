import { describe, expect, it } from 'vitest'
import { Emitter } from './emitter.ts'
import { EventStream } from './event-stream.ts'

interface Events {
  readonly tick: number
  readonly tock: string
  readonly other: boolean
  readonly last: undefined
}

function emitter(): Emitter<Events> {
  return new Emitter<Events>((error) => {
    throw error
  })
}

describe('a stream of events', () => {
  it('has those that were asked for, with their names, from when it was made, in order', async () => {
    const events = emitter()
    events.emit('tick', 0)
    const stream = new EventStream(events, ['tick', 'tock', 'tick'], { limit: 10, last: 'last' })
    events.emit('tick', 1)
    events.emit('other', true)
    events.emit('tock', 'one')
    events.emit('last', undefined)
    events.emit('tick', 2)
    const seen: unknown[] = []
    for await (const { name, event } of stream) seen.push([name, event])
    expect(seen).toEqual([
      ['tick', 1],
      ['tock', 'one'],
    ])
  })

  it('wakes whoever waits, each with an event of their own, and with the end', async () => {
    const events = emitter()
    const stream = new EventStream(events, ['tick'], { limit: 10, last: 'last' })
    const nexts = [stream.next(), stream.next(), stream.next()]
    events.emit('tick', 1)
    events.emit('tick', 2)
    stream.end()
    expect(await Promise.all(nexts)).toEqual([
      { done: false, value: { name: 'tick', event: 1 } },
      { done: false, value: { name: 'tick', event: 2 } },
      { done: true, value: undefined },
    ])
  })

  it('drops the oldest for a consumer that is too slow, and counts them', async () => {
    const events = emitter()
    const stream = new EventStream(events, ['tick'], { limit: 3, last: 'last' })
    for (let n = 1; n <= 10; n++) events.emit('tick', n)
    expect(stream.dropped).toBe(7)
    stream.end()
    const seen: number[] = []
    for await (const { event } of stream) seen.push(event)
    expect(seen).toEqual([8, 9, 10])
  })

  it('listens no more when its loop is left', async () => {
    const events = emitter()
    const stream = new EventStream(events, ['tick', 'tock'], { limit: 10, last: 'last' })
    events.emit('tick', 1)
    events.emit('tick', 2)
    for await (const { event } of stream) {
      expect(event).toBe(1)
      break
    }
    expect((['tick', 'tock', 'last'] as const).filter((name) => events.has(name))).toEqual([])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it.each(['before', 'while it waits', 'with events that nobody has taken'])(
    'ends when its signal aborts: %s',
    async (when) => {
      const events = emitter()
      const controller = new AbortController()
      if (when === 'before') controller.abort()
      const stream = new EventStream(events, ['tick'], { limit: 10, last: 'last', signal: controller.signal })
      if (when === 'with events that nobody has taken') events.emit('tick', 1)
      const next = when === 'while it waits' ? stream.next() : undefined
      controller.abort()
      expect(await (next ?? stream.next())).toEqual({ done: true, value: undefined })
      expect(events.has('tick')).toBe(false)
    },
  )
})
