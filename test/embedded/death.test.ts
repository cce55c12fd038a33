import { chown, mkdir, readdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPostgres } from '../../src/embedded/embedded.ts'
import { startOwner } from './owner.ts'
import { ask, openSandbox, SOON, processesOf, type Sandbox } from './sandbox.ts'

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await openSandbox()
})
afterEach(() => sandbox.remove())

test.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'exit'] as const)(
  'an owner that ends by %s leaves no server and no folder behind',
  async (how) => {
    const owner = await startOwner({ durable: false })
    expect(await ask(owner.connectionString, 'select 1')).toBe(1)
    await owner.end(how)
    await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
  },
)

test('an owner that is killed while it starts leaves no server behind', async () => {
  // At a different point of the start each time.
  for (const milliseconds of [700, 1_100, 1_400, 1_700, 2_000]) {
    const signal = AbortSignal.timeout(milliseconds)
    const owner = startOwner({ durable: false }, signal)
    await owner.then((started) => started.end('SIGKILL')).catch(() => undefined)
  }
  // What was killed before it had a keeper is swept by the next start that finds nothing of it at work: on a busy machine
  // its initdb may still be. A folder without a pipe is left alone for two minutes, which are over then.
  const afterNextStart = async (): Promise<string[]> => {
    for (const name of await readdir(sandbox.folder)) {
      await utimes(join(sandbox.folder, name), new Date(0), new Date(0)).catch(() => undefined)
    }
    const next = await startPostgres({ durable: false })
    await next.stop()
    return sandbox.leftovers()
  }
  await expect.poll(afterNextStart, { ...SOON, timeout: 40_000 }).toEqual([])
})

test('what remains when owner and keeper are killed together, the next start sweeps away', async () => {
  const owner = await startOwner({ durable: false })
  const keepers = (await processesOf(sandbox.folder)).filter((line) =>
    line.commandLine.includes('kongtask-keeper'),
  )
  expect(keepers.length).toBeGreaterThan(0)
  for (const { pid } of keepers) process.kill(pid, 'SIGKILL')
  await owner.end('SIGKILL')
  expect(await ask(owner.connectionString, 'select 1')).toBe(1)

  const next = await startPostgres({ durable: false })
  await expect(ask(owner.connectionString, 'select 1')).rejects.toThrow('ECONNREFUSED')
  await next.stop()
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})

test('a server whose keeper was killed stops all the same', async () => {
  const server = await startPostgres({ durable: false })
  const keepers = (await processesOf(server.dataDir)).filter((line) =>
    line.commandLine.includes('kongtask-keeper'),
  )
  for (const { pid } of keepers) process.kill(pid, 'SIGKILL')
  expect(await ask(server.connectionString, 'select 1')).toBe(1)
  await server.stop()
  expect(await sandbox.leftovers()).toEqual([])
})

test('a sweep leaves alone what is in use, and what has only just been made', async () => {
  const running = await startPostgres({ durable: false })
  const fresh = join(sandbox.folder, 'kongtask-postgres-fresh')
  const [name = ''] = await readdir(sandbox.folder)
  const old = new Date(Date.now() - 3_600_000)
  await utimes(join(sandbox.folder, name), old, old)
  await mkdir(fresh)
  const { uid, gid } = await stat(join(sandbox.folder, name))
  await chown(fresh, uid, gid)
  const next = await startPostgres({ durable: false })
  expect(await ask(running.connectionString, 'select 1')).toBe(1)
  expect(await readdir(sandbox.folder)).toContain('kongtask-postgres-fresh')

  await utimes(fresh, old, old)
  await Promise.all([next.stop(), running.stop()])
  await (await startPostgres({ durable: false })).stop()
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})
