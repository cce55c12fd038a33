import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to the server on which nobody can listen: it lets through every connection but a runner's listener. */
export class WithoutListen implements AsyncDisposable {
  readonly connectionString: string
  readonly #server: Server

  private constructor(server: Server, connectionString: string) {
    this.#server = server
    this.connectionString = connectionString
  }

  static async open(connectionString: string): Promise<WithoutListen> {
    const url = new URL(connectionString)
    const target = { port: Number(url.port || '5432'), host: url.hostname }
    const server = createServer((near) => {
      // The first thing that a client says has the name by which it goes.
      near.once('data', (start) => {
        if (start.includes('kongtask listener')) near.destroy()
        else pass(near, start, connect(target))
      })
      near.on('error', () => near.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('The proxy has no port.')
    url.hostname = '127.0.0.1'
    url.port = `${address.port}`
    return new WithoutListen(server, url.href)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function pass(near: Socket, start: Buffer, far: Socket): void {
  far.write(start)
  near.pipe(far).pipe(near)
  far.on('error', () => near.destroy())
  near.on('close', () => far.destroy())
  far.on('close', () => near.destroy())
}
