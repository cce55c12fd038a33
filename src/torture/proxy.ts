// Stands between a worker and the database, on loopback, and can fall silent: nothing gets through any more, and neither
// side is told.
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export class Proxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Ends of connections that fell silent: they stay so, whatever comes. */
  readonly #silenced = new Set<Socket>()
  #isSilent = false

  private constructor(target: () => Address) {
    this.#server = createServer((near) => this.#join(near, target()))
  }

  /** @param target asked for each new connection, since a server that was restarted may have another port */
  static async open(target: () => Address): Promise<Proxy> {
    const proxy = new Proxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** What the database knows the connections by: the ports that they come from. */
  get farPorts(): readonly number[] {
    return [...this.#pairs].flatMap(({ far }) => far.localPort ?? [])
  }

  /**
   * No byte goes either way from now on, and no end of a connection is passed on. Of new connections the server learns
   * nothing, as where no packet arrives.
   */
  fallSilent(): void {
    this.#isSilent = true
    for (const pair of this.#pairs) this.#silence(pair)
  }

  /** The same for the one connection that the database knows by this port. */
  fallSilentFor(farPort: number): void {
    for (const pair of this.#pairs) if (pair.far.localPort === farPort) this.#silence(pair)
  }

  /** New connections get through again. Those that fell silent stay as they are. */
  speak(): void {
    this.#isSilent = false
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    const pairs = [...this.#pairs].flatMap(({ near, far }) => [near, far])
    for (const socket of [...pairs, ...this.#silenced]) socket.destroy()
    await closed
  }

  #join(near: Socket, { host, port }: Address): void {
    if (this.#isSilent) {
      near.on('error', () => undefined)
      near.pause()
      this.#silenced.add(near)
      return
    }
    const far = connect(port, host)
    const pair = { near, far }
    near.setNoDelay(true)
    far.setNoDelay(true)
    this.#pairs.add(pair)
    const part = (): void => {
      if (!this.#pairs.delete(pair)) return
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      // One that breaks is told to the other by its end.
      socket.on('error', () => undefined)
      socket.on('close', part)
    }
    near.pipe(far)
    far.pipe(near)
  }

  #silence(pair: Pair): void {
    const { near, far } = pair
    this.#pairs.delete(pair)
    this.#silenced.add(near).add(far)
    near.unpipe(far)
    far.unpipe(near)
    near.pause()
    far.pause()
  }
}
