import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Proxy } from './proxy.ts'

let server: Server
let accepted: Socket[]
let proxy: Proxy
let clients: Socket[]

beforeEach(async () => {
  accepted = []
  clients = []
  server = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  proxy = await Proxy.open(() => ({ host: '127.0.0.1', port }))
})

afterEach(async () => {
  for (const client of clients) client.destroy()
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
})

async function open(): Promise<Socket> {
  const client = connect(proxy.port, '127.0.0.1')
  client.on('error', () => undefined)
  clients.push(client)
  await once(client, 'connect')
  return client
}

async function echo(client: Socket, text: string): Promise<string> {
  client.write(text)
  const [answer] = await once(client, 'data')
  return String(answer)
}

describe('a proxy', () => {
  it('passes on what is said, and knows the ports that the server sees', async () => {
    const client = await open()
    expect(await echo(client, 'hello')).toBe('hello')
    expect(proxy.farPorts).toEqual([accepted[0]?.remotePort])
  })

  it('passes on the end of a connection', async () => {
    const client = await open()
    await echo(client, 'hello')
    const ended = once(client, 'close')
    accepted[0]?.destroy()
    await ended
    expect(proxy.farPorts).toEqual([])
  })

  it('that fell silent passes on neither a word nor an end, and later only what is new', async () => {
    const silent = await open()
    await echo(silent, 'hello')
    let heard = ''
    silent.on('data', (data) => (heard += String(data)))
    proxy.fallSilent()
    silent.write('is anybody there?')
    accepted[0]?.write('yes')
    accepted[0]?.end()
    const mute = await open()
    mute.write('hello?')
    proxy.speak()

    const fresh = await open()
    expect(await echo(fresh, 'hello again')).toBe('hello again')
    expect(heard).toBe('')
    expect([silent.destroyed, mute.destroyed]).toEqual([false, false])
    // Of the mute one the server has not heard.
    expect(accepted).toHaveLength(2)
    expect(proxy.farPorts).toEqual([accepted[1]?.remotePort])
  })
})
