import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startPostgres } from '../../src/embedded/embedded.ts'
import { ask, availableSources, openSandbox, SOON, type Sandbox } from './sandbox.ts'

const sources = await availableSources()

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await openSandbox()
})
afterEach(() => sandbox.remove())

describe.each(sources)('a server with the binaries of the %s', (source) => {
  test('answers to its connection string and leaves nothing when stopped', async () => {
    const server = await startPostgres({ source, durable: false })
    expect(server.source).toBe(source)
    expect(await ask(server.connectionString, 'show server_version')).toMatch(
      new RegExp(`^${server.version.replace('.', '\\.')}\\b`),
    )
    await server.stop()
    await expect(ask(server.connectionString, 'select 1')).rejects.toThrow('ECONNREFUSED')
    await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
  })
})

test('a server sorts by bytes, stores UTF-8 and tells the time in UTC', async () => {
  await using server = await startPostgres()
  expect(await ask(server.connectionString, 'show server_encoding')).toBe('UTF8')
  expect(await ask(server.connectionString, 'show timezone')).toBe('UTC')
  expect(
    await ask(server.connectionString, "select datcollate from pg_database where datname = 'template1'"),
  ).toBe('C')
})

test('a server listens on loopback only and lets nobody in without the password', async () => {
  await using server = await startPostgres()
  expect(await ask(server.connectionString, 'show listen_addresses')).toBe('127.0.0.1')
  const url = new URL(server.connectionString)
  expect(url.hostname).toBe('127.0.0.1')
  url.password = 'guess'
  await expect(ask(url.href, 'select 1')).rejects.toThrow('password authentication failed')

  const socket = new URL(server.connectionString)
  socket.searchParams.set('host', server.dataDir)
  expect(await ask(socket.href, 'select 1')).toBe(1)
  socket.password = 'guess'
  await expect(ask(socket.href, 'select 1')).rejects.toThrow('password authentication failed')
})

test('a server is durable unless told otherwise, and takes further settings', async () => {
  await using durable = await startPostgres({ settings: { max_connections: '7' } })
  expect(await ask(durable.connectionString, 'show fsync')).toBe('on')
  expect(await ask(durable.connectionString, 'show max_connections')).toBe('7')
  await using fast = await startPostgres({ durable: false })
  expect(await ask(fast.connectionString, 'show fsync')).toBe('off')
  expect(await ask(fast.connectionString, 'show synchronous_commit')).toBe('off')
})

test('stopping twice is the same as stopping once', async () => {
  const server = await startPostgres()
  await Promise.all([server.stop(), server.stop()])
  await server.stop()
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})

test('a server with open connections stops all the same', async () => {
  const server = await startPostgres()
  const client = new Client({ connectionString: server.connectionString })
  client.on('error', () => undefined)
  await client.connect()
  const [query] = await Promise.allSettled([client.query('select pg_sleep(600)'), server.stop()])
  expect(query.status).toBe('rejected')
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})

test('several servers run side by side', async () => {
  const servers = await Promise.all([startPostgres(), startPostgres(), startPostgres()])
  expect(new Set(servers.map((server) => new URL(server.connectionString).port)).size).toBe(3)
  await Promise.all(servers.map((server) => server.stop()))
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})

test('a start that is given up leaves nothing', async () => {
  const giveUp = new AbortController()
  queueMicrotask(() => giveUp.abort(new Error('changed my mind')))
  await expect(startPostgres({ signal: giveUp.signal })).rejects.toThrow('changed my mind')
  // And where there is something to clear up: `initdb` is at work by then.
  await expect(startPostgres({ signal: AbortSignal.timeout(400) })).rejects.toThrow('timeout')
  await expect.poll(() => sandbox.leftovers(), SOON).toEqual([])
})

test('the user’s process keeps its signals to itself', async () => {
  const before = process.eventNames().filter((name) => process.listenerCount(name) > 0)
  await using server = await startPostgres()
  expect(server.version).not.toBe('')
  expect(process.eventNames().filter((name) => process.listenerCount(name) > 0)).toEqual(before)
})
