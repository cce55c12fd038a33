import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DevWorker } from './dev-worker.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kongtask-dev-worker-'))
  await writeFile(join(folder, 'blocked.mjs'), 'for (;;);')
  await writeFile(join(folder, 'ends.mjs'), 'process.exitCode = 7')
})
afterAll(() => rm(folder, { recursive: true }))

function workerOf(program: string): {
  worker: DevWorker
  told: string[]
  hears: (what: string) => Promise<void>
} {
  const told: string[] = []
  let look = (): void => undefined
  const tell = (what: string): void => {
    told.push(what)
    look()
  }
  const worker = new DevWorker({
    program: join(folder, program),
    args: [],
    env: process.env,
    patience: 1,
    onGone: (code) => tell(`gone ${code}`),
    onFailure: ({ message }) => tell(message),
    onStuck: () => tell('stuck'),
  })
  const hears = (what: string): Promise<void> =>
    new Promise((resolve) => {
      look = () => void (told.includes(what) && resolve())
      look()
    })
  return { worker, told, hears }
}

describe('DevWorker', () => {
  it('kills a process that does not end, and says so', async () => {
    const { worker, told } = workerOf('blocked.mjs')
    await worker.start()
    await worker.stop()
    expect(told).toEqual(['stuck'])
  })

  it('tells of one that has ended by itself', async () => {
    const { worker, told, hears } = workerOf('ends.mjs')
    await worker.start()
    await hears('gone 7')
    await worker.stop()
    expect(told).toEqual(['gone 7'])
  })

  it('tells of one that could not be started, and starts the next', async () => {
    const { worker, told, hears } = workerOf('ends.mjs')
    const { execPath } = process
    process.execPath = '/nowhere/node'
    try {
      await worker.start()
    } finally {
      process.execPath = execPath
    }
    await hears('spawn /nowhere/node ENOENT')
    await worker.restart()
    await hears('gone 7')
    await worker.stop()
    expect(told).toEqual(['spawn /nowhere/node ENOENT', 'gone 7'])
  })
})
