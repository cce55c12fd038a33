import { once } from 'node:events'
import { connect } from 'node:net'
import { WebSocketServer } from 'ws'

export interface Relay {
  readonly port: number
  close(): Promise<void>
}

/** What Neon runs in front of its servers: the bytes of PostgreSQL's protocol as messages of a WebSocket. */
export async function startRelay(server: { readonly host: string; readonly port: number }): Promise<Relay> {
  const relay = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  relay.on('connection', (socket) => {
    const toServer = connect(server)
    socket.on('message', (data: Buffer) => toServer.write(data))
    socket.on('close', () => toServer.end())
    socket.on('error', () => toServer.destroy())
    toServer.on('data', (data) => socket.send(data))
    toServer.on('close', () => socket.close())
    toServer.on('error', () => socket.terminate())
  })
  await once(relay, 'listening')
  const address = relay.address()
  if (typeof address !== 'object' || address === null) throw new Error('the relay has no port')
  const close = async (): Promise<void> => {
    for (const socket of relay.clients) socket.terminate()
    await new Promise<void>((resolve) => relay.close(() => resolve()))
  }
  return { port: address.port, close }
}
