import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPostgres } from '../../src/embedded/embedded.ts'
import { findBinaries } from '../../src/embedded/find-binaries.ts'
import { chooseRunAs } from '../../src/embedded/run-as.ts'
import { eventually } from '../support/wait.ts'
import { startOwner } from './owner.ts'
import { ask, openSandbox, SOON, processesOf, type Sandbox, serversBelow } from './sandbox.ts'

const run = promisify(execFile)

let sandbox: Sandbox
let dataDir: string
beforeEach(async () => {
  sandbox = await openSandbox()
  dataDir = join(sandbox.folder, 'cluster')
})
afterEach(() => sandbox.remove())

test('a second process joins the server of the first, which lives until both are done', async () => {
  const first = await startOwner({ dataDir, durable: false })
  const second = await startPostgres({ dataDir })
  expect(second.connectionString).toBe(first.connectionString)
  expect([second.version, second.source]).toEqual([first.version, first.source])

  await first.end('stop')
  expect(await ask(second.connectionString, 'select 1')).toBe(1)
  await second.stop()
  expect(await processesOf(dataDir)).toEqual([])
})

test('a user that is killed does not take the server from the others', async () => {
  const first = await startOwner({ dataDir, durable: false })
  const second = await startPostgres({ dataDir })
  await first.end('SIGKILL')
  expect(await ask(second.connectionString, 'select 1')).toBe(1)
  await second.stop()
  expect(await processesOf(dataDir)).toEqual([])
})

test('processes that start at the same moment get one cluster and one server', async () => {
  const owners = await Promise.all(Array.from({ length: 3 }, () => startOwner({ dataDir, durable: false })))
  expect(new Set(owners.map((owner) => owner.connectionString)).size).toBe(1)
  expect(await serversBelow(dataDir)).toHaveLength(1)
  await Promise.all(owners.map((owner) => owner.end('stop')))
  await expect.poll(() => processesOf(dataDir), SOON).toEqual([])
})

test('a server that is just ending is waited for, not joined', async () => {
  let last = ''
  for (let round = 0; round < 5; round += 1) {
    const server = await startPostgres({ dataDir, durable: false })
    expect(server.connectionString).not.toBe(last)
    last = server.connectionString
    const stopped = server.stop()
    const next = await startPostgres({ dataDir, durable: false })
    expect(await ask(next.connectionString, 'select 1')).toBe(1)
    await stopped
    await next.stop()
  }
  expect(await serversBelow(dataDir)).toEqual([])
})

test('data, password and settings of the folder outlive the server', async () => {
  const first = await startPostgres({ dataDir })
  await ask(first.connectionString, 'create table kept as select 42 as answer')
  await first.stop()
  await using again = await startPostgres({ dataDir })
  expect(await ask(again.connectionString, 'select answer from kept')).toBe(42)
  expect(new URL(again.connectionString).password).toBe(new URL(first.connectionString).password)
})

test('data outlive an owner that is killed', async () => {
  const owner = await startOwner({ dataDir })
  await ask(owner.connectionString, 'create table kept as select 42 as answer')
  await owner.end('SIGKILL')
  await expect.poll(() => serversBelow(dataDir), SOON).toEqual([])
  await using again = await startPostgres({ dataDir })
  expect(await ask(again.connectionString, 'select answer from kept')).toBe(42)
})

test('a lock that a crash has left does not hinder the next start', async () => {
  const owner = await startOwner({ dataDir })
  const [server] = await serversBelow(dataDir)
  await run('kill', ['-KILL', `${server?.pid}`])
  await owner.end('stop')
  expect(await readFile(join(dataDir, 'data', 'postmaster.pid'), 'utf8')).toContain(`${server?.pid}`)
  await using again = await startPostgres({ dataDir })
  expect(await ask(again.connectionString, 'select 1')).toBe(1)
})

test('a lock that names a process of somebody else is reported with the remedy', async () => {
  const made = await startPostgres({ dataDir, durable: false })
  await made.stop()
  const lock = join(dataDir, 'data', 'postmaster.pid')
  const { uid = 0, gid = 0 } = await chooseRunAs(join(dataDir, 'data'))
  const stranger = spawn('sleep', ['600'], uid === 0 ? {} : { uid, gid })
  try {
    await writeFile(lock, `${stranger.pid}\n${join(dataDir, 'data')}\n1700000000\n5432\n\n\n`)
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({
      code: 'KT_POSTGRES_IN_USE',
      message: expect.stringContaining(`delete ${lock}`),
    })
    // As after a crash in the first moment of a start.
    await writeFile(lock, '')
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({ code: 'KT_POSTGRES_IN_USE' })
  } finally {
    stranger.kill()
  }
})

test('the password is for its owner’s eyes only, on disk and in the list of processes', async () => {
  const owner = startOwner({ dataDir, durable: false })
  const sightings: string[] = []
  const watch = async (): Promise<void> => {
    sightings.push(...(await processesOf('')).map((line) => line.commandLine))
    if (!isStarted) await watch()
  }
  let isStarted = false
  const [started] = await Promise.all([owner.finally(() => (isStarted = true)), watch()])
  const { password } = new URL(started.connectionString)
  expect(password.length).toBeGreaterThan(30)
  expect(sightings.some((line) => line.includes('initdb'))).toBe(true)
  expect(sightings.filter((line) => line.includes(password))).toEqual([])
  expect(await processesOf(password)).toEqual([])

  expect(await readFile(join(dataDir, 'password'), 'utf8')).toBe(password)
  expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(dataDir, 'data'))).mode & 0o777).toBe(0o700)
  await started.end('stop')
})

test('a server that somebody started on the folder by hand is joined, and left running', async () => {
  const made = await startPostgres({ dataDir, durable: false })
  await made.stop()
  const data = join(dataDir, 'data')
  const as = await chooseRunAs(data)
  const { bin } = await findBinaries({ source: made.source, as })
  const { port } = new URL(made.connectionString)
  const byHand = spawn(join(bin, 'postgres'), ['-D', data, '-p', port, '-k', data], {
    ...as,
    stdio: 'ignore',
  })
  const ended = once(byHand, 'exit')
  try {
    await eventually(() => ask(made.connectionString, 'select 1'))
    const joined = await startPostgres({ dataDir })
    expect(joined.connectionString).toBe(made.connectionString)
    await joined.stop()
    expect(await ask(made.connectionString, 'select 1')).toBe(1)

    await ask(made.connectionString, "alter user postgres password 'another'")
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({ code: 'KT_POSTGRES_IN_USE' })
  } finally {
    byHand.kill('SIGINT')
    await ended
  }
})

test('a folder with files of somebody else is refused, and left as it is', async () => {
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'thesis.txt'), 'three years of work')
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({
    code: 'KT_POSTGRES_START_FAILED',
    message: expect.stringContaining('thesis.txt'),
  })
  expect(await readFile(join(dataDir, 'thesis.txt'), 'utf8')).toBe('three years of work')
})

test('a folder whose password is lost is refused with the reason', async () => {
  const made = await startPostgres({ dataDir, durable: false })
  await made.stop()
  await run('rm', [join(dataDir, 'password')])
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({
    code: 'KT_POSTGRES_START_FAILED',
    message: expect.stringContaining('password is missing'),
  })
})

test('a cluster of a version that nobody can read here is named', async () => {
  const made = await startPostgres({ dataDir, durable: false })
  await made.stop()
  const file = join(dataDir, 'data', 'PG_VERSION')
  await writeFile(file, '9\n')
  await expect(startPostgres({ dataDir })).rejects.toMatchObject({
    code: 'KT_POSTGRES_NOT_FOUND',
    message: expect.stringContaining('the folder was made by 9'),
  })
})

test('a server that cannot start says why', async () => {
  await expect(startPostgres({ dataDir, settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'KT_POSTGRES_START_FAILED',
    message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
  })
  await chmod(dataDir, 0o755)
  await using server = await startPostgres({ dataDir })
  expect(await ask(server.connectionString, 'select 1')).toBe(1)
})
