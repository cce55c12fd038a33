import { expect, it } from 'vitest'
import { CallsUnderWay } from './calls-under-way.ts'

it('is idle at once where nothing was called', async () => {
  await expect(new CallsUnderWay().idle()).resolves.toBeUndefined()
})

it('is idle when the last call has ended, in whatever way', async () => {
  const calls = new CallsUnderWay()
  const log: string[] = []
  const ends: (() => void)[] = []
  const first = calls.run(() => new Promise<void>((resolve) => ends.push(resolve)))
  const second = calls.run(
    () => new Promise<void>((_, reject) => ends.push(() => reject(new Error('failed')))),
  )
  const idle = Promise.all([calls.idle(), calls.idle()]).then(() => log.push('idle'))
  ends[0]?.()
  await first.then(() => log.push('first'))
  ends[1]?.()
  await second.catch(() => log.push('second'))
  await idle
  expect(log).toEqual(['first', 'second', 'idle'])
})

it('counts a call that throws before it begins', async () => {
  const calls = new CallsUnderWay()
  const thrown = calls.run(() => {
    throw new Error('at once')
  })
  await expect(thrown).rejects.toThrow('at once')
  await calls.idle()
})
