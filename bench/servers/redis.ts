import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface RedisServer extends AsyncDisposable {
  readonly url: string
}

/**
 * A Redis of our own on loopback, gone afterwards with its data. It persists as BullMQ's page on production says: an
 * append-only file that is flushed once a second. A crash of the machine loses up to a second; PostgreSQL here loses
 * nothing.
 *
 * @throws where redis-server is not installed
 */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kongtask-bench-redis-'))
  const port = await freePort()
  const settings = {
    port: `${port}`,
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  }
  const server = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: 'ignore' },
  )
  const ended = new Promise<string>((resolve) => {
    server.once('exit', (code) => resolve(`redis-server ended with code ${code}.`))
    server.once('error', () =>
      resolve('redis-server is not installed (Debian: apt-get install redis-server).'),
    )
  })
  const dispose = async (): Promise<void> => {
    server.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  const waiting = new AbortController()
  const why = await Promise.race([ended, answering(port, waiting.signal)])
  waiting.abort()
  if (why !== undefined) {
    await rm(folder, { recursive: true, force: true })
    throw new Error(why)
  }
  return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No port could be had.')
  return address.port
}

/** Resolves when somebody accepts connections there, or when nobody waits for it any more. */
async function answering(port: number, signal: AbortSignal): Promise<undefined> {
  while (!signal.aborted) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await delay(20)
  }
}
